"""Starting the servers and workers of a home in the right order, watching them, and stopping them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from data.home import Home
from flows.servers.addresses import Addresses
from flows.servers.environment import child_environment
from flows.servers.health import ask, server_answers, worker_is_online
from flows.servers.heartbeat import OUR_TAG
from flows.servers.processes import check_port, end, kill, listens, started_for
from flows.servers.programs import MLFLOW, PREFECT, PROGRAMS, SERVERS, WORKERS, client_settings, log_file
from flows.servers.supervisor import Supervisor

SETUP = (sys.executable, "-P", "-m", "flows.setup")
START_SECONDS = 300.0  # a busy machine may need minutes; a program that has ended is noticed at once
FLOW_RUN_SECONDS = 8.0  # a training needs some of them to reach a point at which it can be interrupted
STATE_SECONDS = 60.0  # a busy server takes long, and without this answer the run would not go on by itself
POLL_SECONDS = 0.3
LEAST_SPACE = 4 << 20  # bytes; with less free space a server cannot make its database

Say = Callable[[str], None]


class ServiceError(RuntimeError):
    """The servers or workers did not start or did not stay; the message says which, and why."""


def running_addresses(home: Home) -> Addresses | None:
    """Where the servers of the home listen; None if none are up."""
    addresses = Addresses.read(home)
    return addresses if addresses and Supervisor(home).is_running() else None


def starting(home: Home) -> FileLock:
    """The lock under which Prefect servers of the home start: two must not make its database at the same time."""
    return FileLock(home.locks / "servers.lock")


def wait_while_starting(home: Home, say: Say) -> None:
    """Return once no process is starting servers for the home."""
    lock = starting(home)
    try:
        with lock.acquire(timeout=0):
            return
    except Timeout:
        say(f"Servers for {home.root} are starting; waiting for them ...")
        with lock:
            return
    except OSError:  # a home that cannot be written has no servers that start
        return


def bring_up(home: Home, addresses: Addresses, *, setup: Sequence[str] | None, say: Say) -> None:
    """Start the servers of a home. With `setup` also register the deployments and start the workers.

    Call it within `starting`, and only if nothing is up.

    Args:
        home: whose servers.
        addresses: where they listen.
        setup: the command that registers everything on the server of PREFECT_API_URL; without it there are no workers.
        say: gets one line per step.

    Raises:
        PortError: a port is taken.
        SupervisorError: supervisord did not start.
        ServiceError: a program did not start, or the setup failed. Nothing is left running.
    """
    supervisor = Supervisor(home)
    if supervisor.is_running():  # the process that started it was killed before everything was up
        stop(home)
    _check_nothing_is_left(home)
    _check_ports(addresses)
    say("Starting, this takes some seconds ...")
    try:
        supervisor.start(PROGRAMS if setup else SERVERS, addresses)
        ports = {PREFECT: addresses.prefect_port, MLFLOW: addresses.mlflow_port}
        _start(supervisor, SERVERS, lambda name: server_answers(name, addresses) and listens(home, name, ports[name]))
        if setup:
            say("Registering the deployments ...")
            _run_setup(setup, child_environment(home, client_settings(home, addresses)))
            now = datetime.now(UTC)
            _start(supervisor, tuple(WORKERS), lambda name: worker_is_online(name, addresses, since=now))
        addresses.write(home)
    except BaseException as error:
        with uninterrupted():
            stop(home)
        if isinstance(error, ServiceError):
            _check_ports(addresses)  # if a program has taken a port in the meantime, that error says more
        raise


def watch(home: Home, say: Say) -> None:
    """Return once the servers of the home have been stopped. Until then, say which program had to be started again.

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
        time.sleep(POLL_SECONDS)
    if supervisor.was_killed():
        raise ServiceError(f"supervisord was killed, so everything is stopped. Its log: {supervisor.log}")


def stop(home: Home) -> bool:
    """Stop everything that runs for the home. Returns False if nothing did.

    The workers end first, then the flow runs, then the servers. So interrupted runs can go back into the queue.
    """
    supervisor = Supervisor(home)
    if not supervisor.is_running() and not started_for(home) and supervisor.process() is None:
        supervisor.clean()
        return False
    addresses = Addresses.read(home)
    Addresses.remove(home)
    supervisor.kill_workers()
    started = started_for(home, tuple(WORKERS))
    kill([item.process for item in started if not item.flow_run])  # workers, if supervisord itself was killed
    runs = [item for item in started if item.flow_run]
    end([item.process for item in runs], FLOW_RUN_SECONDS)
    if addresses:
        _queue_again({str(item.flow_run) for item in runs}, addresses)
    supervisor.shut_down()
    end([item.process for item in started_for(home)])
    supervisor.clean()
    return True


def reason_in(log: Path) -> str:
    """Why a server with this log did not start: a full disk, or the end of the log. Begins with a space."""
    if shutil.disk_usage(log.parent).free < LEAST_SPACE:
        return f" The disk of {log.parent.parent} is full. Free some space there and give the same command again."
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return f" The end of {log}:\n" + "\n".join(lines[-15:]) if lines else ""


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Within the block, SIGTERM and the end of the terminal do the same as Ctrl-C."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within the block, which takes seconds, only SIGKILL ends this process."""
    with _handled((signal.SIGTERM, signal.SIGHUP, signal.SIGINT), signal.SIG_IGN):
        yield


def _queue_again(flow_runs: Collection[str], addresses: Addresses) -> None:
    """Put interrupted runs of this project back into the queue.

    The automations cannot be trusted with this: events that a server has not dealt with when it ends are lost.
    """
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "`flipbook down` has interrupted it."}
    for flow_run in flow_runs:
        url = f"{addresses.prefect_api}/flow_runs/{flow_run}"
        with suppress(OSError):  # the server is gone; after its next start it misses the heartbeats of the run
            known = ask(url, seconds=STATE_SECONDS)
            if OUR_TAG in known["tags"] and known["state"]["type"] in ("PENDING", "RUNNING", "CRASHED"):
                ask(f"{url}/set_state", {"state": state, "force": True}, seconds=STATE_SECONDS)


def _check_ports(addresses: Addresses) -> None:
    check_port(addresses.prefect_port, "--prefect-port")
    check_port(addresses.mlflow_port, "--mlflow-port")


def _check_nothing_is_left(home: Home) -> None:
    left = started_for(home)
    if left:
        listed = ", ".join(f"{item.program} (pid {item.process.pid})" for item in left)
        raise ServiceError(
            f"Processes of an earlier start are still running, without their supervisor: {listed}. "
            f"`flipbook down --home {home.root}` stops them."
        )


def _start(supervisor: Supervisor, names: Sequence[str], is_ready: Callable[[str], bool]) -> None:
    """Start programs together. Returns once all of them are ready."""
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
            log = log_file(name, supervisor.home)
            if name not in states:
                raise ServiceError(f"Everything was stopped while {name} was starting.")
            if states[name].state not in ("RUNNING", "STARTING") or states[name].pid != pid:
                raise ServiceError(f"{name} did not start.{reason_in(log)}")
            if is_ready(name):
                del waiting[name]
            elif time.monotonic() > deadline:
                raise ServiceError(f"{name} was not ready within {START_SECONDS:.0f} s.{reason_in(log)}")
        time.sleep(POLL_SECONDS)


def _run_setup(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=environment["PREFECT_HOME"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
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
