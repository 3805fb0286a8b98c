"""Versions without scores get an evaluation, once, on a real Prefect server and MLflow store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.exceptions import ObjectNotFound
from tiny import tiny_config

from data.home import Home
from flows import evaluate_new as subject
from flows.evaluate import evaluate
from flows.evaluate_new import DEPLOYMENT, evaluate_new
from flows.train import train

CONFIG = tiny_config()


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def deployment(client: SyncPrefectClient) -> Iterator[UUID]:
    """The deployment `evaluate/evaluate`, new and without runs. No worker takes them."""
    with contextlib.suppress(ObjectNotFound):
        client.delete_deployment(client.read_deployment_by_name(DEPLOYMENT).id)
    flow_id = client.create_flow(evaluate)
    made = client.create_deployment(flow_id=flow_id, name="evaluate", enforce_parameter_schema=False)
    yield made
    client.delete_deployment(made)


def started(client: SyncPrefectClient, deployment: UUID) -> list[str]:
    """The models whose evaluation was started."""
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    return sorted(run.parameters["model"] for run in client.read_flow_runs(deployment_filter=wanted))


def test_a_version_without_scores_is_evaluated_once_until_that_may_have_failed(client, deployment, home, monkeypatch):
    train(CONFIG.world, CONFIG.data, CONFIG.model, CONFIG.train)
    assert started(client, deployment) == []  # a command on its own server leaves it to the flow that runs on schedule
    assert evaluate_new() == ["models:/flipbook/1"]
    assert evaluate_new() == ["models:/flipbook/1"]
    assert started(client, deployment) == ["models:/flipbook/1"]
    now = subject.time.time()
    monkeypatch.setattr(subject.time, "time", lambda: now + subject.PATIENCE_SECONDS)
    evaluate_new()
    assert started(client, deployment) == ["models:/flipbook/1"] * 2


def test_a_version_with_scores_is_left_alone(client, deployment, home):
    train(CONFIG.world, CONFIG.data, CONFIG.model, CONFIG.train)
    evaluate("models:/flipbook/1", CONFIG.evaluation)
    assert evaluate_new() == []
    assert started(client, deployment) == []


def test_a_server_without_the_deployment_is_no_error(prefect_api: str, home: Home):
    train(CONFIG.world, CONFIG.data, CONFIG.model, CONFIG.train)
    assert evaluate_new() == []
