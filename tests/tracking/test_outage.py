"""An MLflow server that is away for a while: no training waits for it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow_server import MlflowServer

from data.home import Home
from models.training.trainer import Progress, Samples
from tracking import uploads
from tracking.store import open_store
from tracking.training_run import TrainingRun, finished_run
from tracking.transient import is_transient

DIGEST = "d1" * 32
CHECKPOINT = "c1" * 32


@pytest.fixture(scope="module")
def shared_server(databases: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with MlflowServer(tmp_path_factory.mktemp("outage"), database=databases / "mlflow.db") as server:
        yield server


@pytest.fixture
def remote(shared_server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose MLflow is the server."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shared_server.url)
    monkeypatch.setattr(uploads, "LONGEST_PAUSE_SECONDS", 0.5)
    return Home.at(tmp_path / "home").create()


def begin(home: Home, manifest, digest: str) -> TrainingRun:
    return TrainingRun.open(
        home, training_digest=digest, params={}, dataset=manifest, dataset_folder=home.datasets / "clips"
    )


def steps_of(home: Home, run: TrainingRun) -> list[int]:
    return [metric.step for metric in open_store(home).get_metric_history(run.run_id, "loss/generator")]


def train(run: TrainingRun, *steps: int) -> None:
    for step in steps:
        run.handle(Progress(step=step, total=100, losses={"generator": 1 / step}, clips_per_second=300.0))
        run.handle(Samples(step=step, prompts=("circle",), frames=np.zeros((1, 4, 32, 32, 3), np.uint8)))


def test_a_training_goes_on_without_its_server_and_all_points_arrive(shared_server, remote, manifest):
    run = begin(remote, manifest, DIGEST)
    train(run, 1)
    shared_server.kill()
    train(run, 2, 3)  # returns at once: if it waited for the server, the test would never end
    shared_server.start()
    train(run, 4)
    run.finish(CHECKPOINT)
    assert steps_of(remote, run) == [1, 2, 3, 4]
    pictures = {file.path.split("+")[2] for file in open_store(remote).list_artifacts(run.run_id, "images")}
    assert pictures == {"1", "2", "3", "4"}
    assert finished_run(remote, DIGEST) == run.run_id


def test_a_training_that_cannot_finish_its_run_finishes_it_at_the_next_try(
    shared_server, remote, manifest, monkeypatch
):
    digest = "d2" * 32
    run = begin(remote, manifest, digest)
    shared_server.kill()
    with monkeypatch.context() as impatient:
        impatient.setattr(uploads, "PATIENCE_SECONDS", 0.1)
        train(run, 1)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            run.finish(CHECKPOINT)
        assert is_transient(caught.value)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            begin(remote, manifest, digest)
        assert is_transient(caught.value)
    shared_server.start()
    again = begin(remote, manifest, digest)
    assert again.run_id == run.run_id
    again.finish(CHECKPOINT)
    assert finished_run(remote, digest) == run.run_id


def test_a_training_that_fails_while_its_server_is_away_says_only_why_it_failed(shared_server, remote, manifest):
    run = begin(remote, manifest, "d3" * 32)

    def fail() -> None:
        with run:
            train(run, 1)
            raise ZeroDivisionError

    shared_server.kill()
    with pytest.raises(ZeroDivisionError):
        fail()
    shared_server.start()
