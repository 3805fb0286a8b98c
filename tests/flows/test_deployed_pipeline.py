"""The pipeline as a deployment on real workers: training goes to the pool gpu, and only once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.flow_runs import wait_for_flow_run
from shell import stop
from tiny import tiny_config

from data.home import HOME_VARIABLE, Home
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from flows.setup import register_all
from tracking.versions import list_versions

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def home(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with the project registered and a worker for each pool."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        register_all()
        command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool"]
        workers = [subprocess.Popen([*command, pool], stdout=subprocess.DEVNULL) for pool in ("cpu", "gpu")]
        try:
            yield Home.from_environment()
        finally:
            stop(*workers)


@pytest.fixture(scope="module")
def client(home: Home) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def run(**parameters: object) -> FlowRun:
    config = tiny_config().model_dump(mode="json")
    ended = run_deployment(
        "pipeline/pipeline", parameters={"config": config, **parameters}, timeout=PATIENCE_SECONDS, poll_interval=1
    )
    assert isinstance(ended, FlowRun)
    return ended


def runs_of(client: SyncPrefectClient, deployment: str) -> list[FlowRun]:
    wanted = client.read_deployment_by_name(deployment).id
    return [found for found in client.read_flow_runs() if found.deployment_id == wanted]


def test_training_is_handed_to_the_gpu_pool_and_what_is_trained_is_not_handed_over_again(
    client: SyncPrefectClient, home: Home
) -> None:
    first = run()
    assert first.state
    assert first.state.is_completed(), first.state.message
    (training,) = runs_of(client, "train/train")
    assert training.work_pool_name == "gpu"
    assert training.state
    assert training.state.is_completed()
    assert training.parent_task_run_id is not None
    (version,) = list_versions(home)  # the training alone registers none: the pipeline does
    assert version.aliases == ()  # a model that draws nothing right is no champion
    keys = {artifact.key for artifact in client.read_artifacts(flow_run_filter=_of(first))}
    assert {"scores", "videos", "progress-dataset", "progress-evaluate"} <= keys

    again = run()
    assert again.state
    assert again.state.is_completed()
    assert len(runs_of(client, "train/train")) == 1
    assert len(list_versions(home)) == 1
    assert not runs_of(client, "evaluate/evaluate")  # the pipeline evaluates its own version


def test_a_training_that_cannot_succeed_fails_the_pipeline_with_its_name(client: SyncPrefectClient) -> None:
    config = tiny_config(train={"device": "cuda"}).model_dump(mode="json")
    ended = run(config=config)
    assert ended.state
    assert ended.state.is_failed()
    assert "train/train did not complete" in str(ended.state.message)


def test_runs_get_their_deployment_s_variables_beside_all_that_their_worker_has(
    client: SyncPrefectClient, home: Home, tmp_path: Path
) -> None:
    """The workers here were started as by hand, without them."""
    written = tmp_path / "environment.json"
    (tmp_path / "telling.py").write_text(
        "import json, os, pathlib\nfrom prefect import flow\n\n\n@flow\ndef telling(file: str) -> None:\n"
        "    pathlib.Path(file).write_text(json.dumps(dict(os.environ)))\n"
    )
    variables = client.read_deployment_by_name("train/train").job_variables
    source = cast(Any, flow.from_source(source=tmp_path, entrypoint="telling.py:telling"))
    source.deploy(name="test", work_pool_name="gpu", job_variables=variables, print_next_steps=False)
    ended = run_deployment("telling/test", parameters={"file": str(written)}, timeout=PATIENCE_SECONDS, poll_interval=1)
    assert isinstance(ended, FlowRun)
    assert ended.state
    assert ended.state.is_completed(), ended.state.message
    environment = json.loads(written.read_text())
    assert environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(HEARTBEAT_SECONDS)
    assert environment["PREFECT_LOGGING_EXTRA_LOGGERS"] == "flipbook"
    assert environment[HOME_VARIABLE] == str(home.root)
    assert environment["PATH"] == os.environ["PATH"]


def test_runs_on_the_pool_gpu_take_turns_although_their_worker_would_take_all_at_once(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    (tmp_path / "turns.py").write_text("from prefect import flow\n\n\n@flow\ndef turns() -> None:\n    pass\n")
    source = cast(Any, flow.from_source(source=tmp_path, entrypoint="turns.py:turns"))
    source.deploy(name="test", work_pool_name="gpu", print_next_steps=False)
    runs = [run_deployment("turns/test", timeout=0) for _ in range(3)]
    for queued in runs:
        assert isinstance(queued, FlowRun)
        assert (
            asyncio.run(wait_for_flow_run(queued.id, timeout=PATIENCE_SECONDS, poll_interval=1)).state_name
            == "Completed"
        )
    intervals = sorted((found.start_time, found.end_time) for found in runs_of(client, "turns/test"))
    assert len(intervals) == 3
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(intervals))


def _of(run: FlowRun) -> FlowRunFilter:
    return FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
