"""An MLflow server that dies while a training is on: the training does not notice, and the history has no gap.

FLIPBOOK_TEST_OUTAGE_SECONDS=75 python -m pytest tests/flows/test_mlflow_outage.py      keeps it away for longer
"""

from __future__ import annotations

import logging
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow_server import LosingLine, MlflowServer
from tiny import tiny_config

from flows.config import PipelineConfig
from flows.pipeline import pipeline
from flows.train import train
from tasks import patience
from tasks.home import HOME_VARIABLE, Home
from tasks.mlflow_store import EXPERIMENT, open_store
from tasks.patience import MlflowUnreachableError
from tasks.registry import MODEL_NAME, registered_versions

OUTAGE_SECONDS = float(os.environ.get("FLIPBOOK_TEST_OUTAGE_SECONDS", "5"))
STEPS_PER_SECOND = 45  # of the tiny training, at least where the test was written
SERVER_START_SECONDS = 10
STEPS_OF_A_SHORT_TRAINING = 100


def config(steps: int) -> PipelineConfig:
    return tiny_config(train={"steps": steps, "checkpoint_seconds": 0.3, "log_every": 5, "sample_every": 50})


def train_all(settings: PipelineConfig) -> None:
    train(settings.world, settings.data, settings.model, settings.train)


@dataclass(frozen=True)
class History:
    """What MLflow holds of the one training of a home."""

    losses: dict[str, list[tuple[int, float]]]
    samples: list[int]
    artifacts: list[str]
    status: str
    tags: dict[str, str]
    runs: int
    models: list[str]
    versions: list[str]
    speeds: list[tuple[float, float]]
    """(when, clips per second), in seconds since 1970."""

    @property
    def lasting(self) -> tuple[object, ...]:
        """What two trainings of the same config have in common."""
        return self.losses, self.samples, self.status, self.runs, self.models, self.versions, set(self.tags)


def history(home: Home) -> History:
    client = open_store(home)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment])
    (run,) = [run for run in runs if run.info.run_name.startswith("train-")]
    run_id = run.info.run_id
    metrics = {key: client.get_metric_history(run_id, key) for key in run.data.metrics}
    images = [file.path for file in client.list_artifacts(run_id, "images")]
    model_files = client.list_logged_model_artifacts  # walked below
    models = client.search_logged_models([experiment])
    return History(
        losses={
            key: [(metric.step, metric.value) for metric in found]
            for key, found in metrics.items()
            if key.startswith("loss/")
        },
        samples=sorted(int(path.split("+step+")[1].split("+")[0]) for path in images if path.endswith(".png")),
        artifacts=sorted(file.path for model in models for file in model_files(model.model_id)),
        status=run.info.status,
        tags=run.data.tags,
        runs=len(runs),
        models=[str(model.status) for model in models],
        versions=[str(found.version) for found in registered_versions(client)],
        speeds=[(metric.timestamp / 1000, metric.value) for metric in metrics["clips_per_second"]],
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    with MlflowServer(tmp_path / "server") as started:
        yield started


@pytest.fixture
def remote(server: MlflowServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home, its MLflow on the server."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    return home


def undisturbed(settings: PipelineConfig, folder: Path, server: MlflowServer) -> History:
    """The history of the same training where the server stays."""
    with MlflowServer(folder / "server") as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder / "home"))
        patch.setenv("MLFLOW_TRACKING_URI", other.url)
        train_all(settings)
        return history(Home.from_environment())


class Outage(threading.Thread):
    """Kills the server once the training has a checkpoint, and brings it back `seconds` later (None: never)."""

    def __init__(self, server: MlflowServer, home: Home, *, seconds: float | None) -> None:
        super().__init__()
        self._server, self._home, self._seconds = server, home, seconds
        self.began, self.over = 0.0, 0.0

    def run(self) -> None:
        while not list(self._home.checkpoints.glob("*/step-*")):
            time.sleep(0.02)
        self._server.kill()
        self.began = time.time()
        if self._seconds is not None:
            time.sleep(self._seconds)
            self.over = time.time()
            self._server.start()


def test_a_training_does_not_notice_that_its_server_is_gone_for_a_while(prefect_api, server, remote, tmp_path, capsys):
    settings = config(steps=int((OUTAGE_SECONDS + SERVER_START_SECONDS) * STEPS_PER_SECOND))
    expected = undisturbed(settings, tmp_path / "undisturbed", server)
    outage = Outage(server, remote, seconds=OUTAGE_SECONDS)
    outage.start()
    train_all(settings)
    outage.join()
    found = history(remote)
    assert found.lasting == expected.lasting
    assert found.artifacts == expected.artifacts
    assert found.status == "FINISHED"
    assert (found.runs, found.models, found.versions) == (1, ["READY"], ["1"])
    meanwhile = [speed for when, speed in found.speeds if outage.began < when < outage.over]
    usual = statistics.median(speed for _, speed in expected.speeds)
    with capsys.disabled():
        print(
            f"\nserver away for {outage.over - outage.began:.0f} s: {statistics.median(meanwhile):.0f} clips/s in "
            f"{len(meanwhile)} reports meanwhile, {usual:.0f} in an undisturbed training"
        )
    longest_gap = max(second - first for (first, _), (second, _) in zip(found.speeds, found.speeds[1:], strict=False))
    assert statistics.median(meanwhile) > 0.5 * usual
    assert longest_gap < 2.0


def test_a_training_that_ends_while_the_server_is_gone_waits_for_it(prefect_api, server, remote, tmp_path):
    settings = config(STEPS_OF_A_SHORT_TRAINING)
    expected = undisturbed(settings, tmp_path / "undisturbed", server)
    outage = Outage(server, remote, seconds=2 * OUTAGE_SECONDS)
    outage.start()
    train_all(settings)
    outage.join()
    assert history(remote).lasting == expected.lasting


def test_a_server_that_stays_away_fails_the_run_and_the_next_one_only_writes_what_is_missing(
    prefect_api, server, remote, tmp_path, monkeypatch
):
    settings = config(STEPS_OF_A_SHORT_TRAINING)
    expected = undisturbed(settings, tmp_path / "undisturbed", server)
    outage = Outage(server, remote, seconds=None)
    outage.start()
    with monkeypatch.context() as impatient:
        impatient.setattr(patience, "PATIENCE_SECONDS", 1.0)
        with pytest.raises(MlflowUnreachableError, match=r"is finished and kept in .*final|has not begun"):
            train_all(settings)
    outage.join()
    (weights,) = remote.checkpoints.glob("*/final/generator.safetensors")
    written = weights.stat().st_mtime_ns
    server.start()
    train_all(settings)
    assert weights.stat().st_mtime_ns == written
    assert history(remote).lasting == expected.lasting


def test_no_answer_that_is_lost_doubles_anything(prefect_api, server, home, tmp_path, monkeypatch, caplog):
    """Every kind of change is made by the server, and its first answer lost: from the first run to the champion."""
    settings = config(STEPS_OF_A_SHORT_TRAINING)
    line = LosingLine(server.port)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", line.url)
    caplog.set_level(logging.WARNING)
    try:
        result = pipeline(settings)
        assert result.promoted
        client = open_store(home)
        experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
        runs = client.search_runs([experiment])
        assert sorted(run.info.run_name.partition("-")[0] for run in runs) == ["evaluate", "train"]
        assert {run.info.status for run in runs} == {"FINISHED"}
        for run in runs:
            for key in run.data.metrics:
                steps = Counter(metric.step for metric in client.get_metric_history(run.info.run_id, key))
                assert set(steps.values()) == {1}, key
            names = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
            assert len(names) == len(set(names))
        found = history_of_lines(client, experiment)
        assert found["models"] == ["READY"]
        assert found["versions"] == 1
        assert client.get_registered_model(MODEL_NAME).aliases == {"champion": "1"}
        assert client.get_model_version(MODEL_NAME, "1").tags["promotion"].startswith("promoted")
        assert {"runs create", "log-batch", "create"} & {kind.rpartition("mlflow ")[2] for kind in line.lost}
    finally:
        line.close()


def history_of_lines(client, experiment) -> dict[str, object]:
    models = client.search_logged_models([experiment])
    (train_run,) = client.search_runs([experiment], "run_name LIKE 'train-%'")
    outputs = train_run.outputs.model_outputs
    assert [output.model_id for output in outputs] == [model.model_id for model in models]
    return {"models": [str(model.status) for model in models], "versions": len(registered_versions(client))}
