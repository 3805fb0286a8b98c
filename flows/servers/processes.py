"""The processes of a home's programs and who holds a port, as the operating system knows them.

Each program is known by its environment, which its children inherit: so what a killed program, or a killed supervisord,
has left behind is found as well.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import psutil

from data.home import HOME_VARIABLE, Home
from flows.servers.programs import PROGRAMS

NAME_VARIABLE = "SUPERVISOR_PROCESS_NAME"  # supervisord sets it
FLOW_RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # a worker sets it for each run
PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.1


class PortError(RuntimeError):
    """A port is taken or cannot be bound to; the message names the option that changes it."""


@dataclass(frozen=True)
class Started:
    """A process that one of the programs is, or has started."""

    program: str
    process: psutil.Process
    environment: Mapping[str, str] = field(repr=False)

    @property
    def flow_run(self) -> str | None:
        """The flow run that it executes."""
        return self.environment.get(FLOW_RUN_VARIABLE)


def started_for(home: Home, programs: Collection[str] = PROGRAMS) -> list[Started]:
    """All processes of `programs` of the home, those that they have started too, also where they have died since."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):  # another user's, or it has just ended
            continue
        program = environment.get(NAME_VARIABLE, "")
        if program in programs and environment.get(HOME_VARIABLE) == str(home.root) and process.pid != os.getpid():
            found.append(Started(program, process, environment))
    return found


def end(processes: Collection[psutil.Process], patience: float = PATIENCE_SECONDS) -> None:
    """End `processes`: those that do not do so by themselves within `patience` seconds are killed."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    for process in _alive_after(patience, processes):
        _signal(process, signal.SIGKILL)
    _alive_after(patience, processes)


def kill(processes: Collection[psutil.Process]) -> None:
    """Kill `processes`, and wait until they are gone."""
    for process in processes:
        _signal(process, signal.SIGKILL)
    _alive_after(PATIENCE_SECONDS, processes)


@contextlib.contextmanager
def frozen(processes: Collection[psutil.Process]) -> Iterator[None]:
    """Within the block `processes` do nothing; signals reach them at its end."""
    for process in processes:
        _signal(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            _signal(process, signal.SIGCONT)


def check_port(host: str, port: int, option: str) -> None:
    """See that a server can listen on `host` and `port`.

    Raises:
        PortError: it cannot; names `option`, and who holds the port where the system tells.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise PortError(f"--host {host} is no address of this machine ({error.strerror or error}).") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise PortError(f"--host {host} is no address of this machine.") from error
            holder = _holder_of(port) if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
            raise PortError(f"Port {port} cannot be used: {holder}. Choose another with {option}.") from error


def _holder_of(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS tells only root
        connections = []
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        if listens and connection.pid:
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                continue
            return f"{name} (pid {connection.pid}) listens there"
    return "another program listens there"


def _alive_after(seconds: float, processes: Collection[psutil.Process]) -> list[psutil.Process]:
    """Those of `processes` that have not ended within `seconds`."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if _is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE  # one that its parent has to bury
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
