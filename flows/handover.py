"""Hands a step to another work pool: starts its deployment there, and waits for its end."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, cast

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from data.home import Home
from flows.server_patience import patiently

POLL_SECONDS = 2.0
RESCHEDULE_SECONDS = 60.0  # the automation that reschedules crashed runs acts within some seconds
HOME_TAG = "home: "  # of a run that was handed over: the home in which its result is expected


class HandoverError(RuntimeError):
    """The run that a step was handed to did not complete; the message names the run and its state."""


class OtherHomeError(RuntimeError):
    """A run was handed over to a worker with another home; the message names both."""


def hand_over(home: Home, deployment: str, parameters: dict[str, Any], *, key: str) -> None:
    """Run `deployment` with `parameters` as a child of this run, and return once it has completed.

    A flow run that is tried again after a crash finds the child that it started before, and waits for that one. If the
    child has crashed too, it waits until the automations have put the child back into the queue.

    Args:
        home: this run's home. The child has to use the same one, see :func:`check_home`.
        deployment: names of flow and deployment, as in "train/train".
        parameters: of its flow, as JSON.
        key: tells this piece of work from others of the same run.

    Raises:
        HandoverError: the child failed, crashed for good, or was cancelled.
        prefect.exceptions.ObjectNotFound: there is no such deployment.
    """
    attempt, parent = 0, flow_run.get_id()
    _mark(home, parent).parent.mkdir(parents=True, exist_ok=True)
    _mark(home, parent).touch()
    with get_client(sync_client=True) as client:
        while True:
            start = partial(
                run_deployment,
                deployment,
                parameters=parameters,
                timeout=0,
                idempotency_key=f"{parent}-{key}-{attempt}",
                tags=[f"{HOME_TAG}{home.root}"],
            )
            child = cast(FlowRun, patiently(start))  # not awaited: there is no event loop in this thread
            child = _unless_it_comes_back(client, child)
            if child.state is None or not child.state.is_final() or child.state.is_completed():
                break
            attempt += 1  # an earlier try of this run started this child, which did not complete: start another one
        get_run_logger().info("waiting for %s, run %s", deployment, child.name)
        while not (child.state and child.state.is_final()):
            time.sleep(POLL_SECONDS)
            child = _unless_it_comes_back(client, patiently(partial(client.read_flow_run, child.id)))
    _mark(home, parent).unlink(missing_ok=True)
    if not child.state.is_completed():
        message = child.state.message or ""
        raise HandoverError(f"{deployment} did not complete: its run {child.name} is {child.state.name}. {message}")


def check_home(home: Home) -> None:
    """See that a run that was handed over uses the home of the run that waits for it.

    The waiting run has left a mark in its home. So the same home may be mounted elsewhere on another machine.

    Raises:
        OtherHomeError: the mark is not in `home`.
    """
    theirs = next((tag.removeprefix(HOME_TAG) for tag in flow_run.tags if tag.startswith(HOME_TAG)), None)
    parent = flow_run.parent_flow_run_id
    if theirs is not None and not (parent and _mark(home, parent).exists()):
        raise OtherHomeError(
            f"The run that waits for this one keeps its results in {theirs}, but this worker's home is {home.root}. "
            "Start both workers with the same FLIPBOOK_HOME."
        )


def _mark(home: Home, waiting_run: str | None) -> Path:
    return home.locks / f"handed-over-{waiting_run}"


def _unless_it_comes_back(client: SyncPrefectClient, child: FlowRun) -> FlowRun:
    """Return `child`. If it has crashed, wait whether it is put back into the queue. If not, the crash is final."""
    deadline = time.monotonic() + RESCHEDULE_SECONDS
    while child.state and child.state.is_crashed() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        child = patiently(partial(client.read_flow_run, child.id))
    return child
