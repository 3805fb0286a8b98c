"""Ending the flow runs that workers execute, so that Prefect's server learns of it.

A worker that is told to end kills what it executes, and nobody tells the server: such a run would be Running for good.
So the workers are halted first, then each run is ended by itself, which records it as Crashed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flows.services.prefect_api import ask
from flows.services.processes import end, frozen, started_for
from flows.services.programs import WORKERS
from tasks.home import Home

PATIENCE_SECONDS = 8.0  # to the next moment at which a training can be interrupted, and a call of the server
UNFINISHED = ("PENDING", "RUNNING", "CANCELLING")


@contextmanager
def flow_runs_ended(home: Home) -> Iterator[None]:
    """End all flow runs that workers of the home execute; within the block the workers do nothing."""
    started = started_for(home, tuple(WORKERS))
    with frozen([item.process for item in started if not item.flow_run]):
        runs = [item for item in started_for(home, tuple(WORKERS)) if item.flow_run]
        end([item.process for item in runs], patience=PATIENCE_SECONDS)
        for flow_run, environment in {item.flow_run: item.environment for item in runs}.items():
            try:
                _record(f"{environment['PREFECT_API_URL']}/flow_runs/{flow_run}", environment)
            except OSError:  # the server is gone; it will miss the heartbeats of the run when it is back
                continue
        yield


def _record(flow_run: str, environment: Mapping[str, str]) -> None:
    """See that a run which was killed, or had not begun, counts as crashed."""
    if ask(flow_run, environment)["state"]["type"] in UNFINISHED:
        state = {"type": "CRASHED", "name": "Crashed", "message": "Its worker was stopped."}
        ask(f"{flow_run}/set_state", environment, {"state": state, "force": True})
