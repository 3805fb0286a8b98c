"""Runs the command line in processes of its own, as in a user's shell in which nothing is set."""

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
PATIENCE_SECONDS = 900  # on a very busy machine it takes minutes until servers have started
STOP_SECONDS = 20
FLIPBOOK = (sys.executable, "-m", "flows.cli.main")


def shell(**variables: str) -> dict[str, str]:
    """The environment of a shell in which only `variables` are set."""
    ours = ("PREFECT", "MLFLOW", "FLIPBOOK")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


def flipbook(
    *arguments: object, program=FLIPBOOK, cwd: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=shell(**variables), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def started(*arguments: object, program=FLIPBOOK, **variables: str) -> subprocess.Popen[str]:
    """Start a command. Its output includes its errors."""
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
    """End programs that were started. Workers of background jobs ignore SIGINT and have to be killed."""
    for program in programs:
        program.terminate()
    for program in programs:
        try:
            program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def obey_ctrl_c() -> None:
    """Let SIGINT end this process. Background jobs of a shell ignore it, and so do the processes that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def output_until(process: subprocess.Popen[str], line: str) -> str:
    """Everything that a running command prints until `line`."""
    output = ""
    for printed in process.stdout:
        output += printed
        if line in printed:
            return output
    raise AssertionError(f"the command has ended: {output}")


def eventually(
    condition: Callable[[], object],
    seconds: float = PATIENCE_SECONDS,
    otherwise: Callable[[], object] = lambda: "the condition never became true",
) -> None:
    """Wait until `condition` is true. If it never is, the test fails with what `otherwise` gives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.2)


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def processes(home: Path) -> list[psutil.Process]:
    """All processes that run for a home, except supervisord."""
    return [item.process for item in started_for(Home.at(home))]


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
