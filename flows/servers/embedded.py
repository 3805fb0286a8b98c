"""A Prefect server for the length of one command, if the user has none. Its history is kept in the home.

Prefect's own temporary server stays behind when its command is killed. This one ends when its standard input closes,
which the system does when the command ends in any way. It starts in a process of its own, while the command still
imports what it needs, and it listens on a socket that the command has opened. So no port is guessed, and requests wait
while the server starts.

Nothing here imports Prefect before the environment is set: Prefect reads its settings as it is imported.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.home import Home
from flows.servers.environment import child_environment
from flows.servers.lifecycle import Say, reason_in, starting
from flows.servers.programs import server_settings

START_SECONDS = 300.0  # a busy machine may need minutes; a server that has died is noticed at once
STOP_SECONDS = 10.0
GRACE_SECONDS = 3  # for requests that are still open when the server ends


class EmbeddedServerError(RuntimeError):
    """The embedded server has not started, or Prefect's settings cannot be read; the message says why."""


@dataclass(frozen=True)
class PrefectApi:
    """Where Prefect's API answers. An embedded server also has a log."""

    url: str
    log: Path | None = None
    say: Say = print

    def wait_until_ready(self) -> None:
        """Return once the API answers.

        Raises:
            EmbeddedServerError: the embedded server has ended, or does not answer within five minutes.
            flows.servers.reachable.UnreachableError: the user's server cannot be used.
        """
        from flows.servers.health import ask

        if self.log is None:
            from flows.servers.reachable import wait_for_server

            return wait_for_server(self.url, self.say)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                ask(f"{self.url}/health")
                return None
            except OSError as error:
                gone = "refused" in str(error) or "reset" in str(error)  # nobody listens any more
                if gone or time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        f"Prefect's server did not start ({error}).{reason_in(self.log)}"
                    ) from error
            time.sleep(0.1)


@contextmanager
def prefect_server(home: Home, say: Say = print) -> Iterator[PrefectApi]:
    """Within the block there is a Prefect API: the user's if PREFECT_API_URL is set, else an embedded server's.

    Enter it before anything imports Prefect, import the flow, wait until the API is ready, and run the flow:

        with prefect_server(home) as api:
            from flows.pipeline import pipeline

            api.wait_until_ready()
            result = pipeline(config)

    Args:
        home: where the embedded server keeps its history.
        say: gets a line if the user's server has to be waited for.

    Raises:
        EmbeddedServerError: the server did not start, or Prefect's settings cannot be read.
    """
    if url := os.environ.get("PREFECT_API_URL"):
        _check_settings()
        yield PrefectApi(url, say=say)
        return
    home.create()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        process = _start(home, listener)
    settings = {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_API_URL": url,
        "PREFECT_API_AUTH_STRING": "",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # never start a second server by accident
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": os.environ.get("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "ERROR"),
    }
    try:
        with _environment(settings):
            _check_settings()
            try:
                yield PrefectApi(url, log_file(home))
            finally:
                _send_what_is_left()
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def log_file(home: Home) -> Path:
    """What the embedded servers of the home print."""
    return home.logs / "prefect.log"


def _start(home: Home, listener: socket.socket) -> subprocess.Popen[bytes]:
    log_file(home).parent.mkdir(parents=True, exist_ok=True)
    home.prefect.mkdir(parents=True, exist_ok=True)
    with log_file(home).open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.servers.embedded", str(listener.fileno())],
            cwd=home.prefect,
            env=child_environment(home, server_settings(home)),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(listener.fileno(),),
            start_new_session=True,  # Ctrl-C is for the command; the server still has to record what it did to the run
        )


def _check_settings() -> None:
    """Have Prefect read its settings, which it would otherwise do at a place where an error says nothing."""
    try:
        from prefect.settings import get_current_settings

        get_current_settings()
    except Exception as error:
        raise EmbeddedServerError(
            f"Prefect cannot read its settings: {error}. They come from variables that begin with PREFECT_, and from "
            f".env, prefect.toml and pyproject.toml in {Path.cwd()}. Correct them there."
        ) from error


def _send_what_is_left() -> None:
    """Deliver the events and logs that Prefect's threads still hold, before the server ends."""
    if "prefect.events.worker" in sys.modules:
        from prefect.events.worker import EventsWorker

        EventsWorker.drain_all(timeout=STOP_SECONDS)
    if "prefect.logging.handlers" in sys.modules:
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all(timeout=STOP_SECONDS)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    _reread_settings()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _reread_settings()


def _reread_settings() -> None:
    """Let a Prefect that is already imported see the environment as it is now."""
    if "prefect.context" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


def main() -> None:
    """The server's process: serve on the inherited socket until SIGTERM, or until the command has ended."""
    threading.Thread(target=_end_with_command, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            with starting(Home.from_environment()):
                await super().startup(sockets)

    app = create_app(ephemeral=True, final=True)
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=GRACE_SECONDS)
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        Server(config).run(sockets=[listener])


def _end_with_command() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
