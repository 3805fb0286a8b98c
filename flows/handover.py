"""Handing a step to another work pool: start its deployment, wait for its end."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.server_patience import patiently

POLL_SECONDS = 2.0
RESCHEDULE_SECONDS = 60.0  # the automation that reschedules crashed runs acts within some seconds


class HandoverError(RuntimeError):
    """The run that a step was handed to did not complete; the message names it and its state."""


def hand_over(deployment: str, parameters: dict[str, Any], *, key: str) -> None:
    """Run `deployment` with `parameters` as a child of this run, and return once it has completed.

    A flow run that is tried again after a crash finds the child that it started before, and waits for that one.

    Args:
        deployment: as "train/train": the names of flow and deployment.
        parameters: of its flow, as JSON.
        key: tells this piece of work from others of the same run.

    Raises:
        HandoverError: the child failed, crashed for good, or was cancelled.
        prefect.exceptions.ObjectNotFound: there is no such deployment.
    """
    logger = get_run_logger()
    attempt = 0
    while True:
        idempotency_key = f"{flow_run.get_id()}-{key}-{attempt}"
        child = patiently(partial(_start, deployment, parameters, idempotency_key))
        if child.state is None or not child.state.is_final() or child.state.is_completed():
            break
        attempt += 1  # the child of an earlier try of this run; it did not complete, so it gets a successor
    logger.info("waiting for %s, run %s", deployment, child.name)
    ended = _wait_for(child)
    if ended.state is None or not ended.state.is_completed():
        state = ended.state.name if ended.state else "unknown"
        message = ended.state.message if ended.state else ""
        raise HandoverError(f"{deployment} did not complete: its run {ended.name} is {state}. {message or ''}".rstrip())


def _start(deployment: str, parameters: dict[str, Any], idempotency_key: str) -> FlowRun:
    """The run with that key, which is started where there is none yet."""
    started = run_deployment(deployment, parameters=parameters, timeout=0, idempotency_key=idempotency_key)
    return cast(FlowRun, started)  # not awaited: there is no event loop in this thread


def _wait_for(child: FlowRun) -> FlowRun:
    """`child` in its final state. Crashed is final only when nobody puts the run back into the queue for some time."""
    crashed_since: float | None = None
    with get_client(sync_client=True) as client:
        while True:
            child = patiently(partial(client.read_flow_run, child.id))
            if child.state and child.state.is_crashed():
                crashed_since = crashed_since or time.monotonic()
                if time.monotonic() - crashed_since > RESCHEDULE_SECONDS:
                    return child
            elif child.state and child.state.is_final():
                return child
            else:
                crashed_since = None
            time.sleep(POLL_SECONDS)
