"""A new home with a Prefect server, workers and all deployments."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from prefect.client.orchestration import SyncPrefectClient

from benchmarks.faults.findings import require
from benchmarks.faults.programs import ROOT, Program, wait_for
from data.home import HOME_VARIABLE, Home
from flows.config.pipeline import PipelineConfig
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from flows.servers.programs import server_settings

START_SECONDS = 180.0
HOST = "127.0.0.1"
FOREIGN = ("PREFECT_", "MLFLOW_", "FLIPBOOK_")
WORKER_POLL_SECONDS = 2  # how often a worker asks for runs; the default of 10 s would only take time


class Site:
    """The servers and workers of a home. They run as long as the block.

    Args:
        folder: an empty folder.
        workers: number of workers for each pool.
        limit: number of runs that each worker executes at once.
        mlflow: MLFLOW_TRACKING_URI of all runs. None: runs use the SQLite file of the home.
    """

    def __init__(
        self, folder: Path, *, workers: dict[str, int] | None = None, limit: int = 1, mlflow: str | None = None
    ) -> None:
        self.home = Home.at(folder / "home").create()
        self.port = free_port()
        self.api = f"http://{HOST}:{self.port}/api"
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            **({"MLFLOW_TRACKING_URI": mlflow} if mlflow else {}),
            HOME_VARIABLE: str(self.home.root),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "PREFECT_HOME": str(self.home.prefect),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
            "PREFECT_WORKER_QUERY_SECONDS": str(WORKER_POLL_SECONDS),
            "PREFECT_LOGGING_EXTRA_LOGGERS": "flipbook",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }
        self.server = self._program(
            "prefect",
            ("-m", "prefect", "server", "start", "--host", HOST, "--port", str(self.port)),
            {
                **server_settings(self.home),
                "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{self.home.prefect}/prefect.db",
                "PREFECT_SERVER_API_PORT": str(self.port),
                "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            },
        )
        self.workers = {
            f"{pool}-{number}": self._worker(pool, number, limit)
            for pool, count in (workers or {}).items()
            for number in range(1, count + 1)
        }
        self.client = SyncPrefectClient(self.api)

    def __enter__(self) -> Self:
        self.server.start()
        self.wait_until_up()
        done = self.run_python("-m", "flows.setup")
        require(done.returncode == 0, f"python -m flows.setup failed: {done.stdout}{done.stderr}")
        for worker in self.workers.values():
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self.workers.values():
            worker.stop(signal.SIGKILL)
        self.server.stop(seconds=10)
        for left in self.processes():
            with suppress(psutil.NoSuchProcess):
                left.kill()

    def wait_until_up(self) -> float:
        """Wait until the Prefect server answers, and return the seconds."""
        return wait_for(f"an answer of the Prefect server ({self._logs})", self._answers, seconds=START_SECONDS)

    def run_python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python with this home and these servers, in the folder of the project."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def train(self, config: PipelineConfig) -> subprocess.CompletedProcess[str]:
        """Run `flipbook train` with `config`, and wait for its end."""
        return self.run_python("-m", "flows.cli.main", "train", **as_variables(config))

    def command_line(self, *arguments: str, config: PipelineConfig) -> Program:
        """Start `flipbook ARGUMENTS` with `config`, as a program that can be killed."""
        program = self._program("command", ("-m", "flows.cli.main", *arguments), as_variables(config))
        program.start()
        return program

    def processes(self) -> list[psutil.Process]:
        """All processes whose environment names this home, including orphans."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(HOME_VARIABLE) == str(self.home.root):
                    found.append(process)
        return found

    def _worker(self, pool: str, number: int, limit: int) -> Program:
        command = ("-m", "prefect", "worker", "start", "--pool", pool, "--type", "process", "--limit", str(limit))
        options = ("--name", f"{pool}-{number}", "--install-policy", "never")
        return self._program(f"worker-{pool}-{number}", (*command, *options), {}, supervised=True)

    def _program(
        self, name: str, arguments: tuple[str, ...], variables: dict[str, str], *, supervised: bool = False
    ) -> Program:
        return Program(
            name,
            (sys.executable, *arguments),
            environment=self.environment | variables,
            log=self._logs / f"{name}.log",
            supervised=supervised,
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.api}/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def as_variables(config: PipelineConfig) -> dict[str, str]:
    """`config` as environment variables for the command line."""
    return {f"FLIPBOOK_{name.upper()}": json.dumps(section) for name, section in as_parameters(config).items()}


def as_parameters(config: PipelineConfig) -> dict[str, Any]:
    """The sections of `config` as parameters of a flow run."""
    parameters: dict[str, Any] = config.model_dump(mode="json")
    return parameters


def free_port() -> int:
    """A port on which no program listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
