"""A pipeline whose MLflow server dies in the middle, or whose answers are lost: everything arrives, and once."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_server import LosingLine, MlflowServer
from tiny import tiny_config

from data.home import Home
from flows.config.pipeline import PipelineConfig
from flows.pipeline import pipeline
from tasks.evaluation.publish import publish_evaluation
from tasks.train import train_model
from tasks.versions import attach_evaluation, promote_version, register_version
from tracking import uploads
from tracking.store import EXPERIMENT, open_store
from tracking.versions import MODEL_NAME, registered_versions

AWAY_SECONDS = float(os.environ.get("FLIPBOOK_TEST_OUTAGE_SECONDS", "0"))
CONFIG: PipelineConfig = tiny_config(
    train={"steps": 100, "checkpoint_seconds": 0.3, "log_every": 5, "sample_every": 50}
)


@pytest.fixture
def server(databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    """A server for one test. Tasks that cannot reach it are tried again without long delays."""
    monkeypatch.setattr(uploads, "LONGEST_PAUSE_SECONDS", 0.5)
    for task in (train_model, register_version, attach_evaluation, promote_version, publish_evaluation):
        monkeypatch.setattr(task, "retry_delay_seconds", 1.0)
    with MlflowServer(tmp_path / "server", database=databases / "mlflow.db") as started:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", started.url)
        yield started


def restart_in_training(server: MlflowServer, home: Home, ended: list[bool]) -> None:
    """Kill the server when the training has saved something, start it again, and note whether the training has ended.

    `python -m benchmarks.faults` sets how long the server is away.
    """
    while not list(home.checkpoints.glob("*/*")):
        time.sleep(0.02)
    server.kill()
    time.sleep(AWAY_SECONDS)
    ended.append(bool(list(home.checkpoints.glob("*/final"))))
    server.start()


def assert_complete(home: Home, promoted: bool) -> None:
    """That MLflow holds one of each: the training, its model, its evaluation, and its version, the champion."""
    client = open_store(home)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment])
    assert sorted(run.info.run_name.partition("-")[0] for run in runs) == ["evaluate", "train"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        for key in run.data.metrics:
            if not key.startswith("system/"):
                steps = Counter(metric.step for metric in client.get_metric_history(run.info.run_id, key))
                assert set(steps.values()) == {1}, key
    (training,) = (run for run in runs if run.info.run_name.startswith("train-"))
    losses = client.get_metric_history(training.info.run_id, next(k for k in training.data.metrics if "loss/" in k))
    assert [metric.step for metric in losses] == list(range(5, 101, 5))
    images = [file.path for file in client.list_artifacts(training.info.run_id, "images")]
    assert {path.split("+")[2] for path in images} == {"50", "100"}
    (model,) = client.search_logged_models([experiment])
    assert str(model.status) == "READY"
    assert [output.model_id for output in training.outputs.model_outputs] == [model.model_id]
    (version,) = registered_versions(client)
    assert client.get_registered_model(MODEL_NAME).aliases == ({"champion": version.version} if promoted else {})
    assert version.tags["promotion"]
    assert "## Scores" in version.description


def test_a_pipeline_outlives_a_restart_of_its_server(prefect_api, server, home):
    ended: list[bool] = []
    outage = threading.Thread(target=restart_in_training, args=(server, home, ended))
    outage.start()
    result = pipeline(CONFIG)
    outage.join()
    assert ended == [True] or not AWAY_SECONDS, "the training has waited for the server"
    assert_complete(home, result.promoted)


def test_no_answer_that_is_lost_doubles_anything(prefect_api, server, home, monkeypatch):
    """The server makes each kind of change, and its first answer is lost, from the first run to the champion."""
    line = LosingLine(server.port)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", line.url)
    try:
        result = pipeline(CONFIG)
    finally:
        line.close()
    calls = {kind.split("mlflow ")[-1] for kind in line.lost}
    assert {"runs create", "runs log-batch", "logged-models", "model-versions create"} <= calls
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    assert_complete(home, result.promoted)
