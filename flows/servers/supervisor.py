"""The supervisord of a home. It starts the programs, starts them again when they die, and keeps their logs.

We talk to it through supervisor's own client, on a socket in a folder that only its owner may enter. It counts as
running if it answers on the socket: the socket of a killed supervisord gives no answer.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import psutil
from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from data.files import write_atomically
from data.home import Home
from flows.servers.addresses import Addresses
from flows.servers.environment import child_environment
from flows.servers.programs import PROGRAMS, SERVERS, WORKERS, log_file

START_SECONDS = 30.0
STOP_SECONDS = 8  # a program that has not ended within them is killed
LONGEST_SOCKET_PATH = 103 - len(".4194304")  # bytes; supervisord first makes the socket with its process id at the end

# supervisord works in the home, so paths are short. Paths with characters that have a meaning here (%, ; and #) come in
# variables of its environment.
DAEMON = """\
[supervisord]
logfile=logs/supervisord.log
childlogdir=logs
logfile_maxbytes=10MB
logfile_backups=3
pidfile=up/supervisord.pid
umask={umask:03o}
nocleanup=true
strip_ansi=true

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
# Stopped in descending order of priority: workers before servers. A worker is killed, because on any other signal it
# kills its flow runs before they can report how they ended.
PROGRAM = """
[program:{name}]
command="%(ENV_FLIPBOOK_UP_PYTHON)s" -P -m flows.servers.launch {name} {prefect_port} {mlflow_port}
directory=%(ENV_PREFECT_HOME)s
priority={priority}
autostart=false
autorestart=true
startsecs=2
startretries=1000000
stopsignal={signal}
stopwaitsecs={stop_seconds}
stopasgroup={group}
killasgroup={group}
redirect_stderr=true
stdout_logfile=logs/{log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


class SupervisorError(RuntimeError):
    """supervisord did not start, or did not do what it was told; the message says why."""


class State(NamedTuple):
    """A program, as supervisord sees it."""

    name: str
    state: str
    """RUNNING, STARTING, BACKOFF (waits before it is started again), STOPPING, STOPPED, EXITED or FATAL."""
    pid: int | None
    since: str
    """In words how long it has been running, or when and how it ended."""
    log: Path


@dataclass(frozen=True)
class Supervisor:
    """The supervisord of `home`, running or not."""

    home: Home

    @property
    def log(self) -> Path:
        """What supervisord did and when: starts, ends, exit codes."""
        return self.home.logs / "supervisord.log"

    def is_running(self) -> bool:
        """Whether supervisord answers. If it belongs to another user, it cannot be asked, and counts as running."""
        try:
            self._call("getState")
        except (xmlrpc.client.Fault, PermissionError):  # a fault: it is stopping at the moment
            return True
        except OSError:
            return False
        return True

    def start(self, programs: Sequence[str], addresses: Addresses) -> None:
        """Start supervisord for `programs`, but none of the programs. Leftovers of an earlier one are removed.

        Raises:
            SupervisorError: it did not start.
        """
        self.home.up.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.up.chmod(0o700)  # a user who can write to the socket can run commands as its owner
        self.home.logs.mkdir(parents=True, exist_ok=True)
        self.home.prefect.mkdir(parents=True, exist_ok=True)
        self.clean()
        write_atomically(self._configuration, self._configured(programs, addresses).encode())
        variables = {"PREFECT_HOME": str(self.home.prefect), "FLIPBOOK_UP_PYTHON": sys.executable, "NO_COLOR": "1"}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(self._configuration)],
            cwd=self.home.root,
            env=child_environment(self.home, variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise SupervisorError(f"supervisord did not start: {done.stdout.strip()}")
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if time.monotonic() > deadline:
                raise SupervisorError(f"supervisord does not answer. Its log: {self.log}")
            time.sleep(0.1)

    def states(self) -> list[State]:
        """The programs, in the order of PROGRAMS; none while supervisord ends.

        Raises:
            OSError: it does not answer.
        """
        try:
            found = cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
        except xmlrpc.client.Fault:
            return []
        states = [
            State(
                name=item["name"],
                state=item["statename"],
                pid=item["pid"] or None,
                since=item["description"].rpartition("uptime ")[2],
                log=self.home.root / item["stdout_logfile"],
            )
            for item in found
        ]
        return sorted(states, key=lambda state: PROGRAMS.index(state.name))

    def start_program(self, name: str) -> None:
        """Start a program, without waiting for it. Raises OSError if supervisord does not answer."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            raise SupervisorError(f"supervisord did not start {name}: {fault.faultString}") from fault

    def kill_workers(self) -> None:
        """Kill the workers, but not the flow runs that they have started. Does nothing if supervisord has ended."""
        for name in WORKERS:
            try:
                self._call("stopProcess", name)
            except (OSError, xmlrpc.client.Fault):  # a fault: there is no such worker, or it does not run
                continue

    def shut_down(self) -> None:
        """Tell supervisord to stop all programs and to end. Returns when it has ended."""
        process = self.process()
        if process is None:
            return
        try:
            self._call("shutdown")
        except (OSError, xmlrpc.client.Fault):  # its socket is gone, or it is about to end already
            process.terminate()
        try:
            process.wait(len(PROGRAMS) * STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)

    def process(self) -> psutil.Process | None:
        """Its process, or None. The number in its file may belong to another process by now."""
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            return process if str(self._configuration) in process.cmdline() else None
        except (OSError, ValueError, psutil.Error):
            return None

    def was_killed(self) -> bool:
        """Whether it ended without cleaning up after itself."""
        try:
            return self._pid_file.exists() and self.process() is None and not self.is_running()
        except PermissionError:
            return False

    def clean(self) -> None:
        """Remove what a supervisord that does not run any more has left behind."""
        Addresses.remove(self.home)
        self._pid_file.unlink(missing_ok=True)
        if self._socket.is_symlink():
            shutil.rmtree(self._socket.readlink().parent, ignore_errors=True)
        self._socket.unlink(missing_ok=True)

    @property
    def _configuration(self) -> Path:
        return self.home.up / "supervisord.conf"

    @property
    def _pid_file(self) -> Path:
        return self.home.up / "supervisord.pid"

    @property
    def _socket(self) -> Path:
        """The socket. It is a link to a temporary folder if the path here is too long for a socket."""
        return self.home.up / "supervisor.sock"

    def _configured(self, programs: Sequence[str], addresses: Addresses) -> str:
        text = DAEMON.format(umask=_umask(), socket=self._socket_to_make())
        for name in programs:
            text += PROGRAM.format(
                name=name,
                **addresses.model_dump(),
                priority=1 if name in SERVERS else 2,
                signal="TERM" if name in SERVERS else "KILL",
                group="true" if name in SERVERS else "false",
                stop_seconds=STOP_SECONDS,
                log=log_file(name, self.home).name,
            )
        return text

    def _socket_to_make(self) -> str:
        if len(os.fsencode(self._socket)) <= LONGEST_SOCKET_PATH:
            return "up/supervisor.sock"
        folder = Path(tempfile.mkdtemp(prefix="flipbook-"))  # only its owner may enter it
        self._socket.symlink_to(folder / "s")
        return str(folder / "s")

    def _call(self, method: str, *arguments: object) -> object:
        """Ask supervisord. Raises OSError if it does not answer, and xmlrpc.client.Fault if it refuses."""
        path = self._socket.readlink() if self._socket.is_symlink() else self._socket
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            raise FileNotFoundError(path)
        transport = SupervisorTransport(serverurl=f"unix://{path}")
        try:
            with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)
        except (http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise ConnectionError(f"supervisord at {path}: {error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
