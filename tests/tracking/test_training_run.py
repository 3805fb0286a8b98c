"""Trainings in a real MLflow store."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from data.home import Home
from data.shards.manifest import Manifest
from models.config import ModelConfig, TrainConfig
from models.training.trainer import Progress, Samples, Saved
from tracking import machine
from tracking.store import EXPERIMENT, open_store, tracking_uri
from tracking.training_run import RUN_FILE, TrainingRun

T = TypeVar("T")
DIGEST = "d1" * 32
PROMPTS = ("circle moving down", "circle shrinking")


@pytest.fixture
def folder(home: Home) -> Path:
    path = home.checkpoints / DIGEST[:16]
    path.mkdir(parents=True)
    return path


@pytest.fixture
def start(home: Home, folder: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch):
    """Open the training's run, as a process does that starts or resumes it."""
    runs: list[TrainingRun] = []

    def open_run(**train: int) -> TrainingRun:
        run = TrainingRun.open(
            home,
            training_digest=DIGEST,
            folder=folder,
            params={"model": ModelConfig(), "train": TrainConfig(**train)},
            dataset=manifest,
            dataset_folder=home.datasets / "clips",
        )
        runs.append(run)
        return run

    yield open_run
    for run in runs:
        killed(run)


def killed(run: TrainingRun) -> None:
    """Nothing of the run goes on: what the end of its process does."""
    run._watch.stop()
    run._sender.stop()


def eventually(look: Callable[[], T], expected: T) -> None:
    """Look until it is as expected: MLflow is written to in the background."""
    deadline = time.monotonic() + 20
    while look() != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert look() == expected


def progress(step: int) -> Progress:
    return Progress(step=step, total=100, losses={"generator": 1.0 / step, "critic": 0.5}, clips_per_second=300.0)


def samples(step: int) -> Samples:
    frames = np.full((len(PROMPTS), 4, 32, 32, 3), 255, np.uint8)
    return Samples(step=step, prompts=PROMPTS, frames=frames)


def steps_of(home: Home, run: TrainingRun, key: str = "loss/generator") -> list[int]:
    return [metric.step for metric in open_store(home).get_metric_history(run.run_id, key)]


def images_of(home: Home, run: TrainingRun) -> list[str]:
    return [file.path for file in open_store(home).list_artifacts(run.run_id, "images") if file.path.endswith(".png")]


def image_steps_of(home: Home, run: TrainingRun) -> list[int]:
    return sorted(int(path.split("+step+")[1].split("+")[0]) for path in images_of(home, run))


def test_a_run_tells_its_configs_its_data_and_its_code(home, start, manifest):
    run = open_store(home).get_run(start(steps=700).run_id)
    assert run.data.params["train.steps"] == "700"
    assert run.data.params["model.motion"] == str(ModelConfig().motion)
    assert run.data.tags["flipbook.version"]
    assert run.data.tags["mlflow.source.name"] == "flipbook train"
    (dataset,) = (item.dataset for item in run.inputs.dataset_inputs)
    assert manifest.digest.startswith(dataset.digest)
    assert json.loads(dataset.profile)["digest"] == manifest.digest
    assert json.loads(dataset.profile)["clips"] == manifest.rows


def test_losses_are_written_when_a_checkpoint_is_saved_and_not_before(home, start, folder):
    run = start()
    run.handle(progress(10))
    run.handle(progress(20))
    assert steps_of(home, run) == []
    run.handle(Saved(step=20, path=folder))
    eventually(lambda: steps_of(home, run), [10, 20])


def test_a_killed_training_goes_on_in_its_run_and_no_step_stands_twice(home, start, folder):
    first = start()
    for step in (10, 20):
        first.handle(progress(step))
    first.handle(samples(20))
    first.handle(Saved(step=20, path=folder))
    eventually(lambda: (steps_of(home, first), image_steps_of(home, first)), ([10, 20], [20]))
    killed(first)
    first.handle(progress(30))  # lost with the process
    first.handle(samples(30))

    second = start()
    assert second.run_id == first.run_id
    for step in (20, 30, 40):  # 20 again: its checkpoint was found damaged, so training went back to an older one
        second.handle(progress(step))
        second.handle(samples(step))
    second.handle(Saved(step=40, path=folder))
    eventually(lambda: steps_of(home, second), [10, 20, 30, 40])
    eventually(lambda: image_steps_of(home, second), [20, 30, 40])


def test_what_a_killed_process_had_not_sent_is_sent_by_the_next(home, start, folder, make_checkpoint):
    first = start()
    killed(first)  # before it has sent anything
    for step in (20, 40, 60):
        first.handle(progress(step))
        first.handle(samples(step))
    make_checkpoint(folder / "step-00000040")  # complete, but the process ended before it could say so

    second = start()
    assert second.run_id == first.run_id
    eventually(lambda: (steps_of(home, second), image_steps_of(home, second)), ([20, 40], [20, 40]))
    second.handle(progress(60))
    second.handle(samples(60))
    second.finish(make_checkpoint(folder / "final", seed=20))
    assert steps_of(home, second) == [20, 40, 60]
    assert image_steps_of(home, second) == [20, 40, 60]
    assert not list((folder / "unsent").iterdir())


def test_sending_again_what_mlflow_has_already_changes_nothing(home, start, folder):
    run = start()
    killed(run)
    run.handle(progress(10))
    run.handle(samples(10))
    run._journal.commit(10)
    unsent = {path: path.read_bytes() for path in (folder / "unsent").iterdir()}
    run._sender.send()
    images = images_of(home, run)
    for path, content in unsent.items():  # as if the answers had been lost
        path.write_bytes(content)
    again = TrainingRun(open_store(home), run.run_id, folder=folder, uri=tracking_uri(home))
    again._journal.commit(10)
    again._sender.send()
    assert steps_of(home, again) == [10]
    assert images_of(home, again) == images
    assert len(images) == 1


def test_sample_grids_are_stored_as_mlflow_stores_pictures_with_a_step(home, start, folder):
    """Its pages find them by their file names, which `log_image` makes and no interface promises."""
    run = start()
    killed(run)
    run.handle(samples(10))
    run._journal.commit(10)
    run._sender.send()
    ours = {Path(file.path).name for file in open_store(home).list_artifacts(run.run_id, "images")}
    open_store(home).log_image(run.run_id, np.zeros((8, 8, 3), np.uint8), key="samples", step=10)
    theirs = {Path(file.path).name for file in open_store(home).list_artifacts(run.run_id, "images")} - ours

    def pattern(names: set[str]) -> list[str]:
        identity = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        return sorted(re.sub(identity, "ID", re.sub(r"timestamp\+\d{13}", "timestamp+TIME", name)) for name in names)

    assert pattern(ours) == pattern(theirs)
    assert len(ours) == 2


def test_the_run_is_found_by_its_digest_when_the_folder_forgot_it(home, start, folder):
    first = start()
    (folder / RUN_FILE).unlink()
    assert start().run_id == first.run_id


@pytest.mark.parametrize("damage", ["cut off", "no text", "of another training"])
def test_the_run_is_found_by_its_digest_where_the_folders_record_is_not_its_own(home, start, folder, damage):
    run = start()
    record = folder / RUN_FILE
    if damage == "cut off":
        record.write_bytes(record.read_bytes()[:20])
    elif damage == "no text":
        record.write_bytes(bytes(range(128, 160)))
    else:
        client = open_store(home)
        other = client.create_run(client.get_experiment_by_name(EXPERIMENT).experiment_id).info.run_id
        record.write_text(record.read_text().replace(run.run_id, other))
    assert start().run_id == run.run_id
    assert json.loads(record.read_text())["run_id"] == run.run_id


def test_a_run_that_was_deleted_is_replaced(home, start):
    first = start()
    open_store(home).delete_run(first.run_id)
    assert start().run_id != first.run_id


def test_resuming_with_another_checkpoint_interval_keeps_the_first_params(home, start):
    start(keep=2)
    run = start(keep=5)
    assert open_store(home).get_run(run.run_id).data.params["train.keep"] == "2"


def test_a_finished_training_names_its_checkpoint(home, start, make_checkpoint, folder):
    checkpoint = make_checkpoint(folder / "final")
    run = start()
    run.handle(progress(10))
    run.finish(checkpoint)
    found = open_store(home).get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert len(found.data.tags["flipbook.checkpoint_digest"]) == 64
    assert steps_of(home, run) == [10]


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


def test_a_store_out_of_reach_does_not_stop_the_training(home, start, folder, monkeypatch, caplog):
    from mlflow.exceptions import MlflowException

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise MlflowException("connection refused")

    run = start()
    run.handle(progress(10))
    with monkeypatch.context() as broken:
        broken.setattr(run._client, "log_batch", refuse)
        run.handle(Saved(step=10, path=folder))
        eventually(lambda: "connection refused" in caplog.text, True)
    run.handle(progress(20))
    run.handle(Saved(step=20, path=folder))
    eventually(lambda: steps_of(home, run), [10, 20])


def test_the_machine_is_watched_while_training(home, start, monkeypatch):
    monkeypatch.setattr(machine, "SECONDS_BETWEEN", 0.2)
    run = start()
    deadline = time.monotonic() + 20
    while not (watched := steps_of(home, run, "system/cpu_utilization_percentage")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert watched


def test_the_experiment_opens_the_view_for_trainings(home, start):
    start()
    experiment = open_store(home).get_experiment_by_name(EXPERIMENT)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.artifact_location == (home.root / "mlartifacts").as_uri()


def test_a_server_of_the_users_own_is_respected(home, monkeypatch):
    assert tracking_uri(home) == f"sqlite:///{home.root}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    assert tracking_uri(home) == "http://mlflow.example:5000"


def test_mlflow_is_not_imported_before_it_is_needed():
    code = (
        "import sys, tracking.training_run, tracking.versions, tracking.promotion;"
        "import tracking.model_references, tracking.results.evaluation;"
        "sys.exit('mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_two_processes_may_open_a_fresh_store_at_once(tmp_path):
    code = (
        "import sys; from data.home import Home; from tracking.store import *;"
        "home = Home.at(sys.argv[1]); print(ensure_experiment(open_store(home), home).experiment_id)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert {process.communicate(timeout=60)[0].strip() for process in processes} == {"1"}
