"""Starting the servers and workers of a home in the right order, watching them, and stopping them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from data.home import Home
from flows.servers.access import credentials_for
from flows.servers.addresses import Addresses
from flows.servers.flow_runs import flow_runs_ended
from flows.servers.health import server_answers, worker_is_online
from flows.servers.history_lock import claim_alone
from flows.servers.processes import check_port, end, started_for
from flows.servers.programs import (
    PROGRAMS,
    SERVERS,
    WORKERS,
    client_settings,
    log_file,
    module_path,
    without_foreign,
)
from flows.servers.server_log import reason_in
from flows.servers.supervisor import Supervisor, make_private

SETUP = (sys.executable, "-m", "flows.setup")
START_SECONDS = 300.0  # a busy machine may need minutes; a program that ended is noticed at once
SETUP_SECONDS = 300.0
EMBEDDED_END_SECONDS = 5.0  # the server of a command that has been killed ends within them
POLL_SECONDS = 0.3
WATCH_SECONDS = 1.0

Say = Callable[[str], None]


class ServiceError(RuntimeError):
    """The servers or workers did not start or did not stay; the message says which, and why."""


def running_addresses(home: Home) -> Addresses | None:
    """Where the servers of the home listen; None while none are up."""
    addresses = Addresses.read(home)
    return addresses if addresses and Supervisor(home).is_running() else None


@contextmanager
def starting(home: Home) -> Iterator[None]:
    """Within the block nobody else starts servers for the home; waits for those who do."""
    make_private(home.up)
    with (home.up / "starting.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_while_starting(home: Home, say: Say) -> None:
    """Return once nobody starts servers for the home."""
    try:
        file = (home.up / "starting.lock").open()
    except FileNotFoundError:
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Servers for {home.root} are starting; waiting for them ...")
            fcntl.flock(file, fcntl.LOCK_SH)


def bring_up(home: Home, addresses: Addresses, *, setup: Sequence[str] | None, say: Say) -> Addresses:
    """Start the servers of a home where none run, and with `setup` register the deployments and start the workers.

    Enter `starting` before, and see that nothing is up.

    Args:
        home: whose servers.
        addresses: where they are to listen.
        setup: command that registers work pools, deployments and automations on the server of PREFECT_API_URL;
            without one there are no workers either.
        say: is given a line for each step.

    Returns:
        `addresses`, with whether the servers are protected.

    Raises:
        AccessError: they would be open to others.
        HistoryInUseError: a command uses the home with its own Prefect server.
        PortError: a port is taken.
        SupervisorError: supervisord did not start.
        ServiceError: a program did not start, or the setup failed. Nothing is left running.
    """
    credentials = credentials_for(addresses.host)
    addresses = addresses.model_copy(update={"protected": credentials is not None})
    supervisor = Supervisor(home)
    if supervisor.is_running():  # whoever started it was killed before it was done
        stop(home)
    _check_nothing_is_left(home)
    os.close(claim_alone(home.prefect, patience=EMBEDDED_END_SECONDS))  # refused here, not by the end of a log
    check_port(addresses.host, addresses.prefect_port, "--prefect-port")
    check_port(addresses.host, addresses.mlflow_port, "--mlflow-port")
    names = PROGRAMS if setup else SERVERS
    say("Starting, this takes some seconds ...")
    try:
        supervisor.start(names, addresses)
        _start(supervisor, SERVERS, lambda name: server_answers(name, addresses))
        if setup:
            say("Registering the deployments ...")
            settings = client_settings(home, addresses, credentials)
            _run_setup(setup, settings)
            now = datetime.now(UTC)
            _start(supervisor, tuple(WORKERS), lambda name: worker_is_online(name, settings, since=now))
        addresses.write(home)
    except BaseException:
        with uninterrupted():
            stop(home)
        raise
    return addresses


def watch(home: Home, say: Say) -> None:
    """Return once the servers of the home have been stopped; until then, say which program had to be started again.

    Raises:
        ServiceError: supervisord was killed.
    """
    supervisor = Supervisor(home)
    known: dict[str, int] = {}
    while True:
        try:
            states = supervisor.states()
        except OSError:
            break
        for state in states:
            if state.pid is not None and known.setdefault(state.name, state.pid) != state.pid:
                say(f"{state.name} had ended and was started again. Its log: {state.log}")
                known[state.name] = state.pid
        time.sleep(WATCH_SECONDS)
    if supervisor.was_killed():
        raise ServiceError(f"supervisord was killed; what it had started is stopped. Its log: {supervisor.log}")


def stop(home: Home) -> bool:
    """Stop everything that runs for the home; False where nothing did.

    Flow runs end first, then workers, then servers, which have taken note that the runs are to go on.
    """
    supervisor = Supervisor(home)
    left = started_for(home)
    if not supervisor.is_running() and not left and supervisor.process() is None:
        supervisor.clean()
        return False
    Addresses.remove(home)
    with flow_runs_ended(home), contextlib.suppress(OSError):
        supervisor.stop_group("workers")
    supervisor.shut_down()
    end([item.process for item in started_for(home)])
    supervisor.clean()
    return True


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Within the block, SIGTERM and the end of the terminal end things as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within the block, which takes seconds, nothing but a kill ends this process."""
    with _handled((signal.SIGTERM, signal.SIGHUP, signal.SIGINT), signal.SIG_IGN):
        yield


def _check_nothing_is_left(home: Home) -> None:
    left = started_for(home)
    if left:
        listed = ", ".join(f"{item.program} (pid {item.process.pid})" for item in left)
        raise ServiceError(
            f"Of an earlier start there are still processes, without their supervisor: {listed}. "
            f"`flipbook down --home {home.root}` stops them."
        )


def _start(supervisor: Supervisor, names: Sequence[str], is_ready: Callable[[str], bool]) -> None:
    """Start programs together; returns once all of them are ready."""
    for name in names:
        supervisor.start_program(name)
    deadline = time.monotonic() + START_SECONDS
    waiting = {state.name: state.pid for state in supervisor.states() if state.name in names}
    while waiting:
        try:
            states = {state.name: state for state in supervisor.states()}
        except OSError:
            states = {}
        for name, pid in list(waiting.items()):
            if name not in states:
                raise ServiceError(f"Everything was stopped while {name} was starting.")
            if not states[name].runs or states[name].pid != pid:
                raise ServiceError(f"{name} did not start.{reason_in(log_file(name, supervisor.home))}")
            if is_ready(name):
                del waiting[name]
            elif time.monotonic() > deadline:
                why = reason_in(log_file(name, supervisor.home))
                raise ServiceError(f"{name} was not ready within {START_SECONDS:.0f} s.{why}")
        time.sleep(POLL_SECONDS)


def _run_setup(command: Sequence[str], settings: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            env=without_foreign(os.environ) | settings | {"PYTHONPATH": module_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SETUP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"Registering the deployments took longer than {SETUP_SECONDS:.0f} s.") from error
    if done.returncode:
        raise ServiceError(f"The deployments could not be registered.\n{done.stdout.strip()}")


@contextmanager
def _handled(numbers: Sequence[signal.Signals], handler: signal._HANDLER) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
