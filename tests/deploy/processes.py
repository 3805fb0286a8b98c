"""Servers as processes: started, waited for, and stopped with all that they started."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import deployment

START_SECONDS = 180
STOP_SECONDS = 30


def free_port() -> int:
    """A free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str], *, health: str, log: Path) -> Iterator[None]:
    """Run `command` for the length of the block, which begins when the address `health` answers."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=deployment.ROOT, env=deployment.plain_environment() | environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    with ended(process):
        deadline = time.monotonic() + START_SECONDS
        while not answers(health):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{' '.join(command)} gave no answer at {health}:\n{log.read_text()[-5000:]}")
            time.sleep(0.2)
        yield


def answers(url: str) -> bool:
    """Whether `url` answers without an error. For ``tcp://HOST:PORT`` it is enough that somebody listens."""
    try:
        if url.startswith("tcp://"):
            host, port = url.removeprefix("tcp://").split(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        else:
            urllib.request.urlopen(url, timeout=10).close()
    except OSError:
        return False
    return True


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """At the end of the block, stop `process` and all other processes of its session."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)  # PostgreSQL's sign to close all connections and stop
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
