"""Ending the flow runs that workers execute, so that Prefect's server learns of it, and they go on at the next start.

A worker that is told to end kills what it executes, and nobody tells the server: such a run would be Running for good.
So the workers are halted first, then each run is ended by itself, and put back into the queue once no worker is left
that could take it, or report the end of its process as a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from data.home import Home
from flows.servers.prefect_api import ask
from flows.servers.processes import end, frozen, kill, started_for
from flows.servers.programs import WORKERS

PATIENCE_SECONDS = 8.0  # to the next moment at which a training can be interrupted, and a call of the server
OUR_TAG = "flipbook"  # of all runs of this project's deployments: they go on from what is there
STOPPED = "Its worker was stopped"


@contextmanager
def flow_runs_ended(home: Home) -> Iterator[None]:
    """End all flow runs that workers of the home execute, and at the end of the block, the workers.

    Within the block the workers do nothing: see there that nobody starts them again.
    """
    started = started_for(home, tuple(WORKERS))
    workers = [item.process for item in started if not item.flow_run]
    with frozen(workers):
        runs = [item for item in started_for(home, tuple(WORKERS)) if item.flow_run]
        end([item.process for item in runs], patience=PATIENCE_SECONDS)
        yield
        kill(workers)
    for flow_run, environment in {item.flow_run: item.environment for item in runs}.items():
        try:
            _record(f"{environment['PREFECT_API_URL']}/flow_runs/{flow_run}", environment)
        except OSError:  # the server is gone; it will miss the heartbeats of the run when it is back
            continue


def _record(flow_run: str, environment: Mapping[str, str]) -> None:
    """Say of a run whose process was ended what becomes of it."""
    known = ask(flow_run, environment)
    state = _state_after(known["state"]["type"], ours=OUR_TAG in known["tags"])
    if state is not None:
        ask(f"{flow_run}/set_state", environment, {"state": state, "force": True})


def _state_after(last: str, *, ours: bool) -> dict[str, str] | None:
    """The state of a run whose process was ended in the state `last`; None where it had come to its own end."""
    if last == "CANCELLING":
        return {"type": "CANCELLED", "name": "Cancelled", "message": f"{STOPPED} while it was being cancelled."}
    if last not in ("PENDING", "RUNNING", "CRASHED"):  # a process that is told to end may still report its crash
        return None
    if ours:
        message = f"{STOPPED}; it goes on from where it was as soon as one is up again."
        return {"type": "SCHEDULED", "name": "AwaitingRetry", "message": message}
    return None if last == "CRASHED" else {"type": "CRASHED", "name": "Crashed", "message": f"{STOPPED}."}
