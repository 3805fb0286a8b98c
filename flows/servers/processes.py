"""The processes of a home's programs, and who listens on a port, as the operating system knows them.

Each program is known by variables in its environment, which its children inherit. So leftovers of a killed program, or
of a killed supervisord, are found as well.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from data.home import HOME_VARIABLE, Home
from flows.servers.addresses import LOOPBACK
from flows.servers.programs import PROGRAMS

NAME_VARIABLE = "SUPERVISOR_PROCESS_NAME"  # supervisord sets it
FLOW_RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # a worker sets it for each run
PATIENCE_SECONDS = 5.0


class PortError(RuntimeError):
    """A port cannot be used; the message names the option that changes it."""


@dataclass(frozen=True)
class Started:
    """A process that one of the programs is, or has started."""

    program: str
    process: psutil.Process
    flow_run: str | None
    """The id of the flow run that it executes."""


def started_for(home: Home, programs: Collection[str] = PROGRAMS) -> list[Started]:
    """All processes of these programs of the home, and what they have started, even if the program itself has died."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):  # another user's, or it has just ended
            continue
        program = environment.get(NAME_VARIABLE, "")
        if program in programs and environment.get(HOME_VARIABLE) == str(home.root) and process.pid != os.getpid():
            found.append(Started(program, process, environment.get(FLOW_RUN_VARIABLE)))
    return found


def end(processes: Collection[psutil.Process], patience: float = PATIENCE_SECONDS) -> None:
    """End `processes`. Those that have not ended by themselves within `patience` seconds are killed."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, patience)
    kill(alive)


def kill(processes: Collection[psutil.Process]) -> None:
    """Kill `processes`, and wait until they are gone."""
    for process in processes:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(processes, PATIENCE_SECONDS)


def check_port(port: int, option: str) -> None:
    """See that a server can listen on `port`.

    Raises:
        PortError: it cannot. The message names `option`, and who holds the port if the system tells.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            holder = _holder_of(port) if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
            raise PortError(f"Port {port} cannot be used: {holder}. Choose another with {option}.") from error


def listens(home: Home, program: str, port: int) -> bool:
    """Whether it is this home's `program` that listens on `port`."""
    for item in started_for(home, [program]):
        with contextlib.suppress(psutil.Error):
            for connection in item.process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
    return False


def _holder_of(port: int) -> str:
    with contextlib.suppress(psutil.Error):  # macOS tells only root, and a process may just have ended
        for connection in psutil.net_connections("tcp"):
            at_port = connection.laddr and connection.laddr.port == port
            if connection.status == psutil.CONN_LISTEN and at_port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid}) listens there"
    return "another program listens there"


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
