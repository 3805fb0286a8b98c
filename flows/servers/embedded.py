"""A Prefect server for the length of one command, if the user has none. Its history is kept in the home.

Prefect's own temporary server stays behind when its command is killed. This one ends when its standard input closes,
which the system does when the command ends in any way. It starts while the command still imports what it needs. It
listens on a socket that the command has opened, so no port is guessed, and requests wait while the server starts.

Nothing here imports Prefect before the environment is set: Prefect reads its settings when it is imported.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.home import Home
from flows.servers.environment import child_environment
from flows.servers.health import ask
from flows.servers.lifecycle import Say, reason_in, starting
from flows.servers.programs import server_settings

START_SECONDS = 300.0  # a busy machine may need minutes; a server that has died is noticed at once
STOP_SECONDS = 10.0
GRACE_SECONDS = 3  # for requests that are still open when the server ends


class EmbeddedServerError(RuntimeError):
    """The embedded server has not started, or Prefect's settings cannot be read; the message says why."""


@dataclass(frozen=True)
class PrefectApi:
    """Where Prefect's API answers."""

    url: str
    wait_until_ready: Callable[[], None]
    """Returns once it answers. Raises EmbeddedServerError, or reachable.UnreachableError for the user's own server."""


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
        EmbeddedServerError: Prefect's settings cannot be read.
    """
    if given := os.environ.get("PREFECT_API_URL"):
        _check_settings()
        from flows.servers.reachable import wait_for_server

        yield PrefectApi(given, lambda: wait_for_server(given, say))
        return
    log = home.create().logs / "prefect.log"
    for folder in (home.logs, home.prefect):
        folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("ab") as output:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.servers.embedded", str(listener.fileno())],
            cwd=home.prefect,
            env=child_environment(home, server_settings(home)),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(listener.fileno(),),
            start_new_session=True,  # Ctrl-C is for the command; the server still has to record what it did to the run
        )
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
                yield PrefectApi(url, lambda: _wait(url, log))
            finally:
                _send_what_is_left()
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask(f"{url}/health")
            return
        except OSError as error:
            gone = "refused" in str(error) or "reset" in str(error)  # no server listens any more
            if gone or time.monotonic() > deadline:
                raise EmbeddedServerError(f"Prefect's server did not start ({error}).{reason_in(log)}") from error
        time.sleep(0.1)


def _check_settings() -> None:
    """Let Prefect read its settings now, so that an error can name the files that they come from."""
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
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=STOP_SECONDS)
    APILogWorker.drain_all(timeout=STOP_SECONDS)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    _reread_settings()
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)
        os.environ.update({name: before[name] for name in values if name in before})
        _reread_settings()


def _reread_settings() -> None:
    """If Prefect is imported already, let it read the environment again."""
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
