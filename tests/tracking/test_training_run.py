"""Trainings in a real MLflow store."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from data.home import Home
from models.config import ModelConfig, TrainConfig
from models.training.trainer import Progress, Samples
from tracking.store import EXPERIMENT, open_store, tracking_uri
from tracking.training_run import TrainingRun, finished_run

DIGEST = "d1" * 32
CHECKPOINT = "c1" * 32
PROMPTS = ("circle moving down", "circle shrinking")


@pytest.fixture
def start(home: Home, manifest):
    """Open the training's run, as a process does that starts or resumes it."""
    runs: list[TrainingRun] = []

    def open_run(**train: int) -> TrainingRun:
        run = TrainingRun.open(
            home,
            training_digest=DIGEST,
            params={"model": ModelConfig(), "train": TrainConfig(**train)},
            dataset=manifest,
            dataset_folder=home.datasets / "clips",
        )
        runs.append(run)
        return run

    yield open_run
    for run in runs:
        run.__exit__(KeyboardInterrupt, KeyboardInterrupt("the test is over"), None)


def progress(step: int) -> Progress:
    return Progress(step=step, total=100, losses={"generator": 1.0 / step, "critic": 0.5}, clips_per_second=300.0)


def samples(step: int) -> Samples:
    frames = np.full((len(PROMPTS), 4, 32, 32, 3), 255, np.uint8)
    return Samples(step=step, prompts=PROMPTS, frames=frames)


def curve(home: Home, run_id: str, key: str = "loss/generator") -> set[tuple[int, float]]:
    return {(metric.step, metric.value) for metric in open_store(home).get_metric_history(run_id, key)}


def test_a_run_names_its_configuration_its_data_and_its_code(home, start, manifest):
    run = open_store(home).get_run(start(steps=700).run_id)
    assert run.data.params["train.steps"] == "700"
    assert run.data.params["model.motion"] == str(ModelConfig().motion)
    assert run.data.tags["flipbook.version"]
    assert run.data.tags["mlflow.source.name"] == "flipbook train"
    (dataset,) = (item.dataset for item in run.inputs.dataset_inputs)
    assert json.loads(dataset.source) == {"uri": "datasets/clips"}
    assert manifest.digest.startswith(dataset.digest)
    assert json.loads(dataset.profile)["clips"] == manifest.rows


def test_a_finished_training_has_all_its_points_and_pictures_and_names_its_checkpoint(home, start):
    run = start()
    for step in (10, 20, 30):
        run.handle(progress(step))
    run.handle(samples(20))
    assert finished_run(home, DIGEST) is None
    run.finish(CHECKPOINT)
    found = open_store(home).get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.tags["flipbook.checkpoint_digest"] == CHECKPOINT
    assert finished_run(home, DIGEST) == run.run_id
    assert curve(home, run.run_id) == {(step, 1 / step) for step in (10, 20, 30)}
    assert curve(home, run.run_id, "clips_per_second") == {(step, 300.0) for step in (10, 20, 30)}
    (picture, thumbnail) = open_store(home).list_artifacts(run.run_id, "images")
    assert "samples+step+20+" in picture.path
    assert "samples+step+20+" in thumbnail.path


def test_a_training_that_was_killed_goes_on_in_its_run(home, start):
    first = start(keep=2)
    first.handle(progress(10))
    second = start(keep=5)  # a value that may change between the processes of one training
    assert second.run_id == first.run_id
    second.handle(progress(10))
    second.handle(progress(20))
    second.finish(CHECKPOINT)
    assert curve(home, second.run_id) == {(10, 0.1), (20, 0.05)}
    assert open_store(home).get_run(second.run_id).data.params["train.keep"] == "2"


def test_finishing_a_training_again_only_finishes_its_run(home, start):
    first = start()
    first.handle(progress(10))
    first.finish(CHECKPOINT)
    before = open_store(home).get_run(first.run_id)
    start().finish(CHECKPOINT)
    after = open_store(home).get_run(first.run_id)
    assert (after.info.status, after.data.tags) == ("FINISHED", before.data.tags)
    assert curve(home, first.run_id) == {(10, 0.1)}


def test_a_run_that_was_deleted_is_replaced(home, start):
    first = start()
    open_store(home).delete_run(first.run_id)
    assert start().run_id != first.run_id


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("out of memory"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_training_that_ends_early_says_why_until_it_is_resumed(home, start, error, status):
    with pytest.raises(type(error)), start() as run:
        raise error
    found = open_store(home).get_run(run.run_id)
    assert found.info.status == status
    assert type(error).__name__ in found.data.tags["flipbook.ended_because"]
    start()
    found = open_store(home).get_run(run.run_id)
    assert found.info.status == "RUNNING"
    assert "flipbook.ended_because" not in found.data.tags


def test_the_experiment_opens_the_view_for_trainings(home, start):
    start()
    experiment = open_store(home).get_experiment_by_name(EXPERIMENT)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_server_of_the_users_own_is_respected(home, monkeypatch):
    assert tracking_uri(home) == f"sqlite:///{home.root}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    assert tracking_uri(home) == "http://mlflow.example:5000"


def test_two_processes_may_open_a_fresh_store_at_once(tmp_path):
    code = (
        "import sys; from data.home import Home; from tracking.store import *;"
        "home = Home.at(sys.argv[1]); print(ensure_experiment(open_store(home), home).experiment_id)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert {process.communicate(timeout=300)[0].strip() for process in processes} == {"1"}
