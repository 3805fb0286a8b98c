"""The command line as processes of their own, as in a user's shell that knows of no other servers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from data.home import Home
from flows.servers.processes import started_for

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 400  # servers take minutes to start on a busy machine
STOP_SECONDS = 20
FLIPBOOK = (sys.executable, "-m", "flows.cli.main")


def shell(**variables: str) -> dict[str, str]:
    """The environment of a shell in which nothing is set but `variables`."""
    ours = ("PREFECT", "MLFLOW", "FLIPBOOK")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


def flipbook(*arguments: object, program=FLIPBOOK, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    command = [*program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=shell(**variables), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def started(*arguments: object, program=FLIPBOOK, **variables: str) -> subprocess.Popen[str]:
    """A command that runs; its errors stand among its output."""
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        cwd=ROOT,
        env=shell(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=obey_ctrl_c,
    )


def stop(*programs: subprocess.Popen[Any]) -> None:
    """End programs that were started. A worker that is a background job's, which ignores SIGINT, has to be killed."""
    for program in programs:
        program.terminate()
    for program in programs:
        try:
            program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def obey_ctrl_c() -> None:
    """A shell's background jobs, and what they start, ignore SIGINT; a command in a terminal does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def output_until(process: subprocess.Popen[str], line: str) -> str:
    """What a running command has printed up to `line`."""
    output = ""
    for printed in process.stdout:
        output += printed
        if line in printed:
            return output
    raise AssertionError(f"it has ended: {output}")


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come to hold"
        time.sleep(0.2)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def processes(home: Path) -> list[psutil.Process]:
    """All that runs for a home, supervisord aside."""
    return [item.process for item in started_for(Home.at(home))]


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
