"""Handing a step to another work pool: start its deployment, wait for its end."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, cast

from prefect.client.orchestration import SyncPrefectClient, get_client
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

    A flow run that is tried again after a crash finds the child that it started before, and waits for that one, also
    where the child has crashed with it and is about to come back.

    Args:
        deployment: as "train/train": the names of flow and deployment.
        parameters: of its flow, as JSON.
        key: tells this piece of work from others of the same run.

    Raises:
        HandoverError: the child failed, crashed for good, or was cancelled.
        prefect.exceptions.ObjectNotFound: there is no such deployment.
    """
    attempt = 0
    with get_client(sync_client=True) as client:
        while True:
            idempotency_key = f"{flow_run.get_id()}-{key}-{attempt}"
            child = patiently(partial(_start, deployment, parameters, idempotency_key))
            child = _unless_it_comes_back(client, child)
            if child.state is None or not child.state.is_final() or child.state.is_completed():
                break
            attempt += 1  # the child of an earlier try of this run; it did not complete, so it gets a successor
        get_run_logger().info("waiting for %s, run %s", deployment, child.name)
        ended = _wait_for(client, child)
    if ended.state is None or not ended.state.is_completed():
        state = ended.state.name if ended.state else "unknown"
        message = ended.state.message if ended.state else ""
        raise HandoverError(f"{deployment} did not complete: its run {ended.name} is {state}. {message or ''}".rstrip())


def _start(deployment: str, parameters: dict[str, Any], idempotency_key: str) -> FlowRun:
    """The run with that key, which is started where there is none yet."""
    started = run_deployment(deployment, parameters=parameters, timeout=0, idempotency_key=idempotency_key)
    return cast(FlowRun, started)  # not awaited: there is no event loop in this thread


def _wait_for(client: SyncPrefectClient, child: FlowRun) -> FlowRun:
    """`child` in its final state."""
    while True:
        child = _unless_it_comes_back(client, child)
        if child.state and child.state.is_final():
            return child
        time.sleep(POLL_SECONDS)
        child = patiently(partial(client.read_flow_run, child.id))


def _unless_it_comes_back(client: SyncPrefectClient, child: FlowRun) -> FlowRun:
    """`child`, if it has crashed once nobody has put it back into the queue for some time: only then that is final."""
    deadline = time.monotonic() + RESCHEDULE_SECONDS
    while child.state and child.state.is_crashed() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        child = patiently(partial(client.read_flow_run, child.id))
    return child
