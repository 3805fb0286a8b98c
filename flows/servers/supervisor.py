"""The supervisord of a home: it starts the programs, starts them again when they die, and keeps their logs.

We talk to it through its XML-RPC interface, on a socket in the home's private folder. Whether it runs is what the
socket says: a file that a killed supervisord left behind answers nobody.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil

from data.home import HOME_VARIABLE, Home
from flows.servers.access import write_private
from flows.servers.addresses import Addresses
from flows.servers.programs import SERVERS, WORKERS, log_file, module_path

ANSWER_SECONDS = 10.0
START_SECONDS = 30.0
STOP_SECONDS = 8.0  # a program that does not end within them is killed
LONGEST_SOCKET_PATH = 103 - len(".4194304")  # bytes; supervisord makes it under a name with its process id first
LOG_BYTES = "10MB"
OLD_LOGS = 3

# supervisord works in the home, so that paths are short here. Those of others come in its environment: in this file, a
# '%', a ';' or a '#' in them would have a meaning.
DAEMON = f"""\
[supervisord]
logfile=logs/supervisord.log
logfile_maxbytes={LOG_BYTES}
logfile_backups={OLD_LOGS}
pidfile=up/supervisord.pid
umask={{umask:03o}}
nocleanup=true
strip_ansi=true

[unix_http_server]
file={{socket}}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
GROUP = """
[group:{name}]
programs={programs}
priority={priority}
"""
# More retries than it will ever come to, each a second later than the one before.
PROGRAM = f"""
[program:{{name}}]
command="%(ENV_FLIPBOOK_UP_PYTHON)s" -m flows.servers.launch {{name}} {{host}} {{prefect_port}} {{mlflow_port}}
directory=%(ENV_FLIPBOOK_UP_FOLDER)s
autostart=false
autorestart=true
startsecs=2
startretries=1000000
stopsignal=TERM
stopwaitsecs={STOP_SECONDS:.0f}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{{log}}
stdout_logfile_maxbytes={LOG_BYTES}
stdout_logfile_backups={OLD_LOGS}
"""
GROUPS = {"servers": SERVERS, "workers": tuple(WORKERS)}  # stopped from the last to the first


class SupervisorError(RuntimeError):
    """supervisord did not start, or does not do as it was told; the message says why, and where its log is."""


@dataclass(frozen=True)
class State:
    """A program, as supervisord sees it."""

    name: str
    state: str
    """RUNNING, STARTING, BACKOFF (it waits before it tries again), STOPPING, STOPPED, EXITED or FATAL."""
    pid: int | None
    seconds: float
    """Since it was started, while it runs."""
    log: Path

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.pid is not None and self.state in ("RUNNING", "STARTING")


@dataclass(frozen=True)
class Supervisor:
    """The supervisord of `home`, running or not."""

    home: Home

    @property
    def log(self) -> Path:
        """What supervisord did and when: starts, ends, exit codes."""
        return self.home.logs / "supervisord.log"

    def is_running(self) -> bool:
        """Whether it answers."""
        try:
            self._call("getState")
        except xmlrpc.client.Fault:  # it stops at the moment
            return True
        except OSError:
            return False
        return True

    def start(self, programs: Sequence[str], addresses: Addresses) -> None:
        """Start supervisord for `programs`, none of which it starts by itself. What is stale is cleaned away.

        Raises:
            SupervisorError: it did not start.
        """
        home = self.home
        make_private(home.up)
        home.logs.mkdir(parents=True, exist_ok=True)
        self.clean()
        write_private(self._configuration, self._configured(programs, addresses))
        variables = {
            HOME_VARIABLE: str(home.root),
            "FLIPBOOK_UP_FOLDER": str(Path.cwd()),
            "FLIPBOOK_UP_PYTHON": sys.executable,
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._configuration)],
            cwd=home.root,
            env={**os.environ, **variables, "PYTHONPATH": module_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        deadline = time.monotonic() + START_SECONDS
        while done.returncode == 0 and not self.is_running():
            if time.monotonic() > deadline:
                raise SupervisorError(f"supervisord does not answer. Its log: {self.log}")
            time.sleep(0.1)
        if done.returncode:
            raise SupervisorError(f"supervisord did not start: {done.stdout.strip()}")

    def states(self) -> list[State]:
        """The programs, in the order in which they are started; none while supervisord ends.

        Raises OSError where it does not answer.
        """
        try:
            found = cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
        except xmlrpc.client.Fault:
            return []
        order = [name for names in GROUPS.values() for name in names]
        states = [
            State(
                name=item["name"],
                state=item["statename"],
                pid=item["pid"] or None,
                seconds=float(item["now"] - item["start"]) if item["pid"] else 0.0,
                log=self.home.root / item["stdout_logfile"],
            )
            for item in found
        ]
        return sorted(states, key=lambda state: order.index(state.name))

    def start_program(self, name: str) -> None:
        """Start a program, without waiting for it. Raises OSError where supervisord does not answer."""
        group = next(group for group, names in GROUPS.items() if name in names)
        try:
            self._call("startProcess", f"{group}:{name}", False)
        except xmlrpc.client.Fault as fault:
            raise SupervisorError(f"supervisord did not start {name}: {fault.faultString}") from fault

    def stop_group(self, group: str) -> None:
        """Tell the programs of a group to end, without waiting. Raises OSError where supervisord does not answer."""
        with contextlib.suppress(xmlrpc.client.Fault):  # a group that is not there, or has ended
            self._call("stopProcessGroup", group, False)

    def shut_down(self) -> None:
        """Tell supervisord to stop all programs, workers before servers, and to end; returns when it has ended."""
        process = self.process()
        try:
            self._call("shutdown")
        except (OSError, xmlrpc.client.Fault):  # its socket is gone, or it is about to end already
            if process is not None:
                process.terminate()
        if process is None:
            return
        try:
            process.wait(2 * STOP_SECONDS + 2 * ANSWER_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(ANSWER_SECONDS)

    def process(self) -> psutil.Process | None:
        """Its process, by the number in its file; None where that is another's by now."""
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            return process if str(self._configuration) in process.cmdline() else None
        except (OSError, ValueError, psutil.Error):
            return None

    def was_killed(self) -> bool:
        """Whether it ended without cleaning up after itself."""
        return self._pid_file.exists() and self.process() is None and not self.is_running()

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
        """The socket, or a link to it where its path here would be longer than the system allows for a socket."""
        return self.home.up / "supervisor.sock"

    def _configured(self, programs: Sequence[str], addresses: Addresses) -> str:
        text = DAEMON.format(umask=_umask(), socket=self._socket_to_make())
        for priority, (group, names) in enumerate(GROUPS.items(), 1):
            chosen = [name for name in names if name in programs]
            if chosen:
                text += GROUP.format(name=group, programs=",".join(chosen), priority=priority)
        where = addresses.model_dump(include={"host", "prefect_port", "mlflow_port"})
        return text + "".join(
            PROGRAM.format(name=name, log=log_file(name, self.home).name, **where) for name in programs
        )

    def _socket_to_make(self) -> str:
        if len(os.fsencode(self._socket)) <= LONGEST_SOCKET_PATH:
            return "up/supervisor.sock"
        folder = Path(tempfile.mkdtemp(prefix="flipbook-"))  # readable for its owner only
        self._socket.symlink_to(folder / "s")
        return str(folder / "s")

    def _call(self, method: str, *arguments: object) -> object:
        """Ask supervisord. Raises OSError where it does not answer, xmlrpc.client.Fault where it refuses."""
        path = self._socket.readlink() if self._socket.is_symlink() else self._socket
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            raise FileNotFoundError(path)
        try:
            with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_UnixTransport(path)) as server:
                return getattr(server.supervisor, method)(*arguments)
        except (http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise ConnectionError(f"supervisord at {path}: {error}") from error


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _UnixConnection(self._path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def make_private(folder: Path) -> None:
    """Make `folder`, and see that nobody but its owner can look into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
