"""A Prefect server of our own for the length of a run, where the user has none; its history is kept in the home.

The server's start takes longer than anything else in a run of cached steps, so it begins first, in its own process,
while this one still imports what it needs. It listens on a socket that this process has opened: no port is
guessed, and requests wait instead of failing while it starts. It ends with this process, however that ends.

Nothing here imports Prefect before the environment is set: Prefect reads its settings as it is imported.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.home import Home
from flows.servers.history_lock import claim_beside_others
from flows.servers.server_log import reason_in
from tracking.shown_uri import shown

START_SECONDS = 300.0  # a busy machine may need minutes; a server that died is noticed at once
STOP_SECONDS = 10.0
SLOT_POLL_SECONDS = (
    5.0  # how often a run that waits for its deployment's limit asks again; Prefect's own is half a minute
)


class EmbeddedServerError(RuntimeError):
    """The embedded server has not started; the message holds the end of its log."""


def server_environment(home: Home) -> dict[str, str]:
    """Settings of a Prefect server on the home's history; what the user has set in the environment wins.

    The recorder's settings keep the embedded server from losing task runs that end together.
    """
    wanted = {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": f"{START_SECONDS:.0f}",
        "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": f"{SLOT_POLL_SECONDS:.0f}",
    }
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


def client_environment(home: Home, api_url: str) -> dict[str, str]:
    """Settings of this process for the embedded server at `api_url`; what the user has set wins."""
    wanted = {
        **server_environment(home),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",  # the command line shows progress; the server keeps the rest
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # never a second server by accident
    }
    return {**{name: os.environ.get(name, value) for name, value in wanted.items()}, "PREFECT_API_URL": api_url}


@dataclass(frozen=True)
class PrefectApi:
    """Where Prefect's API answers, and, for an embedded server, its log."""

    url: str
    log: Path | None = None

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Returns once the API answers. Raises EmbeddedServerError where it does not within `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=seconds) as answer:
                    if answer.status == 200:
                        return
                reason = f"it answered {answer.status}"
            except OSError as error:
                reason = str(error)
            gone = self.log is not None and ("refused" in reason or "reset" in reason)  # nobody listens any more
            if gone or time.monotonic() > deadline:
                why = reason_in(self.log) if self.log else ""
                raise EmbeddedServerError(f"No Prefect server at {shown(self.url)} ({reason}).{why}")
            time.sleep(0.1)


@contextmanager
def prefect_server(home: Home) -> Iterator[PrefectApi]:
    """Within the block Prefect's API is there: the user's where PREFECT_API_URL is set, else an embedded server's.

    Enter it before anything imports Prefect, import the flow, wait until the API is ready, and run the flow:

        with prefect_server(home) as api:
            from flows.pipeline import pipeline

            api.wait_until_ready()
            result = pipeline(config)

    Raises EmbeddedServerError where the server cannot start, HistoryInUseError where servers that
    stay have the home's history.
    """
    if url := os.environ.get("PREFECT_API_URL"):
        yield PrefectApi(url)
        return
    home.create()
    history = Path(server_environment(home)["PREFECT_HOME"]).expanduser().absolute()
    lock = claim_beside_others(history)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
            process = _start(home, listener, history, lock)
    finally:
        os.close(lock)  # the server holds it from now on
    try:
        with _environment(client_environment(home, url)):
            try:
                yield PrefectApi(url, log_file(home))
            finally:
                _send_what_is_left()
    finally:
        _stop(process)


def log_file(home: Home) -> Path:
    """What the embedded servers of the home print."""
    return home.logs / "prefect.log"


def _start(home: Home, listener: socket.socket, history: Path, lock: int) -> subprocess.Popen[bytes]:
    log = log_file(home)
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = listener.fileno()
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.servers.embedded_server", str(descriptor), str(history)],
            env={**os.environ, **server_environment(home)},
            stdin=subprocess.PIPE,  # closes with this process, even if it is killed: the server's sign to end
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(descriptor, lock),
            start_new_session=True,  # Ctrl-C is for this process; the server has to record what it did to the run
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()


def _send_what_is_left() -> None:
    """Delivers the events and logs that Prefect's threads still hold, before the server goes."""
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
    """Lets a Prefect that is imported already see the environment as it is now."""
    if "prefect.context" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
