"""`flipbook up` for the length of a block, and what the servers say about their runs."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.shell import flipbook, free_ports


@dataclass(frozen=True)
class Servers:
    """The addresses that `flipbook up` has printed, and the home that the servers use."""

    home: Path
    prefect: str
    mlflow: str

    def flow_runs(self) -> list[dict[str, Any]]:
        """All flow runs, as Prefect's API returns them."""
        return self._ask("flow_runs/filter", {})

    def runs_of(self, deployment: str) -> list[dict[str, Any]]:
        """All flow runs of the deployment with that name."""
        return self._ask("flow_runs/filter", {"deployments": {"name": {"any_": [deployment]}}})

    def task_names(self, run: str) -> set[str]:
        """Names of the tasks that a flow run has begun."""
        runs = self._ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return {found["task_key"].rpartition(".")[2].partition("-")[0] for found in runs}

    def _ask(self, path: str, question: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.prefect}/api/{path}", json.dumps(question).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@contextmanager
def running_servers(home: Path) -> Iterator[Servers]:
    """Servers and workers on `home`, on free ports."""
    prefect, mlflow = free_ports(2)
    try:
        ports = ("--prefect-port", prefect, "--mlflow-port", mlflow)
        # Threads of several runs that wait for each other on few cores make seconds into minutes.
        up = flipbook("up", "--detach", "--home", home, *ports, OMP_NUM_THREADS="1")
        assert up.returncode == 0, up.stdout + up.stderr
        pages = dict(re.findall(r"^  (Prefect|MLflow) +(http\S+)$", up.stdout, re.MULTILINE))
        yield Servers(home, pages["Prefect"], pages["MLflow"])
    finally:
        down = flipbook("down", "--home", home)
        assert down.returncode == 0, down.stdout + down.stderr
