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
from collections.abc import Collection, Iterator

import psutil

from flows.services.programs import PROGRAMS
from tasks.home import HOME_VARIABLE, Home

NAME_VARIABLE = "SUPERVISOR_PROCESS_NAME"  # supervisord sets it
FLOW_RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # a worker sets it for each run
PATIENCE_SECONDS = 5.0


class PortError(RuntimeError):
    """A port is taken or cannot be bound to; the message names the option that changes it."""


def processes_of(home: Home, names: Collection[str] = PROGRAMS) -> list[tuple[str, psutil.Process]]:
    """All processes of the programs `names` of the home, those that they have started too; each with its program."""
    return [
        (environment[NAME_VARIABLE], process)
        for process, environment in _environments()
        if environment.get(HOME_VARIABLE) == str(home.root) and environment.get(NAME_VARIABLE) in names
    ]


def flow_runs_of(home: Home) -> list[psutil.Process]:
    """The processes in which workers of the home execute flow runs, of workers that have died as well."""
    return [
        process
        for process, environment in _environments()
        if environment.get(HOME_VARIABLE) == str(home.root)
        and environment.get(NAME_VARIABLE) in PROGRAMS
        and environment.get(FLOW_RUN_VARIABLE)
    ]


def end(processes: Collection[psutil.Process], patience: float = PATIENCE_SECONDS) -> None:
    """End `processes`: those that do not do so by themselves within `patience` seconds are killed."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=patience)


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


def _environments() -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            yield process, process.environ()
        except (psutil.Error, OSError):  # another user's, or it has just ended
            continue


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
