"""The pipeline as a deployment on real workers: training goes to the pool gpu, and only once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from shell import eventually, stop
from tiny import tiny_config

from benchmarks.faults.trainings import config, final_digests, training_parameters, undisturbed
from data.home import HOME_VARIABLE, Home
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from flows.setup import register_all
from tracking.versions import list_versions

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def home(shared_home: Home) -> Home:
    """A home with the project registered."""
    register_all()
    return shared_home


@pytest.fixture(scope="module")
def workers(home: Home) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """A worker for each pool."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool"]
    started = {pool: subprocess.Popen([*command, pool], stdout=subprocess.DEVNULL) for pool in ("cpu", "gpu")}
    try:
        yield started
    finally:
        stop(*started.values())


@pytest.fixture(scope="module")
def client(workers: dict[str, subprocess.Popen[bytes]]) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def run(**parameters: object) -> FlowRun:
    tiny = tiny_config().model_dump(mode="json")
    ended = run_deployment(
        "pipeline/pipeline", parameters={"config": tiny, **parameters}, timeout=PATIENCE_SECONDS, poll_interval=1
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


def test_a_training_that_is_killed_on_its_worker_goes_on_by_itself_and_ends_with_the_same_weights(
    client: SyncPrefectClient, home: Home, workers: dict[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """`python -m benchmarks.faults` does this more often, at random moments."""
    long = config(seed=3, steps=200, checkpoint_seconds=0.2)
    expected, _ = undisturbed(long, tmp_path)
    before = set(home.checkpoints.glob("*/step-*"))
    started = run_deployment("train/train", parameters=training_parameters(long, registered=False), timeout=0)
    assert isinstance(started, FlowRun)
    eventually(lambda: set(home.checkpoints.glob("*/step-*")) - before)
    for process in psutil.Process(workers["gpu"].pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert expected not in final_digests(home)
    eventually(lambda: (state := client.read_flow_run(started.id).state) and state.is_completed())
    assert client.read_flow_run(started.id).run_count == 2
    assert expected in final_digests(home)


def test_a_training_that_cannot_succeed_fails_the_pipeline_with_its_name(client: SyncPrefectClient) -> None:
    ended = run(config=tiny_config(train={"device": "cuda"}).model_dump(mode="json"))
    assert ended.state
    assert ended.state.is_failed()
    assert "train/train did not complete" in str(ended.state.message)


def test_runs_on_the_pool_gpu_take_turns_and_get_their_deployment_s_variables_beside_all_that_their_worker_has(
    client: SyncPrefectClient, home: Home, tmp_path: Path
) -> None:
    """The workers here were started as by hand, without these variables, and would take all runs at once."""
    (tmp_path / "telling.py").write_text(
        "import json, os, pathlib\nfrom prefect import flow\n\n\n@flow\ndef telling(file: str) -> None:\n"
        "    pathlib.Path(file).write_text(json.dumps(dict(os.environ)))\n"
    )
    variables = client.read_deployment_by_name("train/train").job_variables
    source = cast(Any, flow.from_source(source=tmp_path, entrypoint="telling.py:telling"))
    source.deploy(name="test", work_pool_name="gpu", job_variables=variables, print_next_steps=False)
    files = [tmp_path / f"{number}.json" for number in range(2)]
    for file in files:
        run_deployment("telling/test", parameters={"file": str(file)}, timeout=0)
    eventually(lambda: all(found.state.is_completed() for found in runs_of(client, "telling/test") if found.state))
    first, second = sorted((found.start_time, found.end_time) for found in runs_of(client, "telling/test"))
    assert first[1] <= second[0]
    for file in files:
        environment = json.loads(file.read_text())
        assert environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(HEARTBEAT_SECONDS)
        assert environment["PREFECT_LOGGING_EXTRA_LOGGERS"] == "flipbook"
        assert environment[HOME_VARIABLE] == str(home.root)
        assert environment["PATH"] == os.environ["PATH"]


def _of(run: FlowRun) -> FlowRunFilter:
    return FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
