"""An MLflow server that dies while a training is on: the training does not notice, and the history has no gap.

FLIPBOOK_TEST_OUTAGE_SECONDS=75 python -m pytest tests/flows/test_mlflow_outage.py      keeps it away for longer
"""

from __future__ import annotations

import itertools
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow_server import LosingLine, MlflowServer
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterName, TaskRunFilterStartTime
from tiny import tiny_config

from data.home import HOME_VARIABLE, Home
from flows.config.pipeline import PipelineConfig
from flows.pipeline import pipeline
from flows.train import train
from tasks.publish import publish_evaluation
from tasks.register import attach_to_version, promote_version, register_checkpoint, run_is_known
from tracking import uploads as patience
from tracking.store import EXPERIMENT, open_store
from tracking.store_check import StoreUnreachableError as MlflowUnreachableError
from tracking.versions import MODEL_NAME, registered_versions

OUTAGE_SECONDS = float(os.environ.get("FLIPBOOK_TEST_OUTAGE_SECONDS", "5"))
STEPS_PER_SECOND = 60  # of the tiny training, at least where the test was written
SERVER_START_SECONDS = 5
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
    files: dict[str, int]
    """Size in bytes of every file of the logged model, by path."""
    tags: set[str]
    states: tuple[list[str], list[str], list[str]]
    """Of the runs, the logged models and the versions."""
    machine: list[int]
    speeds: list[tuple[float, float]]
    """(when, clips per second), in seconds since 1970."""


def history(home: Home) -> History:
    client = open_store(home)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment])
    run_id = runs[0].info.run_id
    metrics = {key: client.get_metric_history(run_id, key) for key in runs[0].data.metrics}
    images = [file.path for file in client.list_artifacts(run_id, "images")]
    models = client.search_logged_models([experiment])

    def files(model_id: str, folder: str | None = None) -> Iterator[tuple[str, int]]:
        for file in client.list_logged_model_artifacts(model_id, folder):
            if file.is_dir:
                yield from files(model_id, file.path)
            else:
                yield file.path, file.file_size

    return History(
        losses={
            key: [(metric.step, metric.value) for metric in found]
            for key, found in metrics.items()
            if key.startswith("loss/")
        },
        samples=sorted(int(path.split("+step+")[1].split("+")[0]) for path in images if path.endswith(".png")),
        files={path: size for model in models for path, size in files(model.model_id)},
        tags=set(runs[0].data.tags),
        states=(
            [run.info.status for run in runs],
            [str(model.status) for model in models],
            [str(found.version) for found in registered_versions(client)],
        ),
        machine=[metric.step for metric in metrics.get("system/cpu_utilization_percentage", [])],
        speeds=[(metric.timestamp / 1000, metric.value) for metric in metrics["clips_per_second"]],
    )


def assert_same(found: History, expected: History) -> None:
    """That two trainings of the same config left the same, each thing once."""
    assert found.states == expected.states == (["FINISHED"], ["READY"], ["1"])
    assert found.losses == expected.losses
    assert found.samples == expected.samples
    assert found.tags == expected.tags
    assert found.files.keys() == expected.files.keys()
    assert found.files["artifacts/generator.safetensors"] == expected.files["artifacts/generator.safetensors"]
    assert found.machine == list(range(len(found.machine)))


def undisturbed(settings: PipelineConfig, folder: Path) -> History:
    """The history of a training whose server stays."""
    with MlflowServer(folder / "server") as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder / "home"))
        patch.setenv("MLFLOW_TRACKING_URI", other.url)
        train_all(settings)
        return history(Home.from_environment())


@pytest.fixture(scope="module")
def long(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineConfig, History]:
    """A training that outlasts the outage, and its undisturbed history."""
    settings = config(int((OUTAGE_SECONDS + SERVER_START_SECONDS) * STEPS_PER_SECOND))
    return settings, undisturbed(settings, tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="module")
def short(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[PipelineConfig, History]:
    """A training that ends within the outage, and its undisturbed history."""
    settings = config(STEPS_OF_A_SHORT_TRAINING)
    return settings, undisturbed(settings, tmp_path_factory.mktemp("short"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    with MlflowServer(tmp_path / "server") as started:
        yield started


@pytest.fixture
def remote(server: MlflowServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home, its MLflow on the server."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    return home


@pytest.fixture
def quick_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks and waits that do not take longer from try to try: here they fail for another reason each time."""
    monkeypatch.setattr(patience, "LONGEST_PAUSE_SECONDS", 0.1)
    for task in (register_checkpoint, run_is_known, attach_to_version, promote_version, publish_evaluation):
        monkeypatch.setattr(task, "retry_delay_seconds", 0.1)


class Outage(threading.Thread):
    """Kills (or freezes) the server once the training has a checkpoint; it is back `seconds` later (None: never)."""

    def __init__(self, server: MlflowServer, home: Home, *, seconds: float | None, freeze: bool = False) -> None:
        super().__init__()
        self._server, self._home, self._seconds, self._freeze = server, home, seconds, freeze
        self.began, self.over = 0.0, 0.0

    def run(self) -> None:
        while not list(self._home.checkpoints.glob("*/step-*")):
            time.sleep(0.02)
        (self._server.freeze if self._freeze else self._server.kill)()
        self.began = time.time()
        if self._seconds is not None:
            time.sleep(self._seconds)
            self.over = time.time()
            (self._server.thaw if self._freeze else self._server.start)()


@pytest.mark.parametrize("freeze", [False, True], ids=["killed", "frozen"])
def test_a_training_does_not_notice_that_its_server_is_gone_for_a_while(server, remote, long, freeze, capsys):
    settings, expected = long
    outage = Outage(server, remote, seconds=OUTAGE_SECONDS, freeze=freeze)
    outage.start()
    train_all(settings)
    outage.join()
    found = history(remote)
    assert_same(found, expected)
    meanwhile = [speed for when, speed in found.speeds if outage.began < when < outage.over]
    usual = min(statistics.median(speed for _, speed in speeds) for speeds in (expected.speeds, found.speeds))
    reports = [when for when, _ in found.speeds]
    moments = [outage.began, *(when for when in reports if outage.began < when < outage.over)]
    if reports[-1] > outage.over:
        moments.append(outage.over)
    pause = max(after - before for before, after in itertools.pairwise(moments))
    with capsys.disabled():
        print(
            f"\nserver {'frozen' if freeze else 'away'} for {outage.over - outage.began:.0f} s: "
            f"{statistics.median(meanwhile):.0f} clips/s in {len(meanwhile)} reports meanwhile, "
            f"{usual:.0f} otherwise; the longest time without a report {pause:.1f} s"
        )
    assert statistics.median(meanwhile) > 0.5 * usual
    assert pause < 4


def test_a_training_that_ends_while_the_server_is_gone_waits_for_it(server, remote, short):
    settings, expected = short
    outage = Outage(server, remote, seconds=2 * OUTAGE_SECONDS)
    outage.start()
    train_all(settings)
    outage.join()
    assert_same(history(remote), expected)


def failed_trainings(since: datetime) -> list[int]:
    """How often each training was run that began after `since` and failed. Other tests share Prefect's server, which
    writes task runs down some time after they end.
    """
    named = TaskRunFilter(name=TaskRunFilterName(like_="train-"), start_time=TaskRunFilterStartTime(after_=since))
    deadline = time.monotonic() + 60
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            runs = client.read_task_runs(task_run_filter=named, sort="END_TIME_DESC")
            if counts := [run.run_count for run in runs if run.state is not None and run.state.name == "Failed"]:
                return counts
            time.sleep(0.5)
    return []


def test_a_server_that_stays_away_fails_the_run_and_the_next_one_only_writes_what_is_missing(
    server, remote, short, monkeypatch
):
    settings, expected = short
    begun = datetime.now(UTC)
    outage = Outage(server, remote, seconds=None)
    outage.start()
    with monkeypatch.context() as impatient:
        impatient.setattr(patience, "PATIENCE_SECONDS", 1.0)
        with pytest.raises(MlflowUnreachableError, match=r"finished and kept in .*final|has not begun"):
            train_all(settings)
    outage.join()
    assert failed_trainings(begun) == [1]  # runs of the task: it has waited as long as anybody does
    (weights,) = remote.checkpoints.glob("*/final/generator.safetensors")
    written = weights.stat().st_mtime_ns
    server.start()
    train_all(settings)
    assert weights.stat().st_mtime_ns == written
    assert_same(history(remote), expected)


def test_no_answer_that_is_lost_doubles_anything(prefect_api, server, home, quick_to_try_again, monkeypatch):
    """Every kind of change is made by the server, and its first answer lost: from the first run to the champion."""
    settings = config(STEPS_OF_A_SHORT_TRAINING)
    line = LosingLine(server.port)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", line.url)
    try:
        result = pipeline(settings)
    finally:
        line.close()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    calls = {kind.split("mlflow ")[-1] for kind in line.lost}
    assert {
        "runs create",
        "runs log-batch",
        "logged-models",
        "model-versions create",
        "registered-models alias",
    } <= calls
    assert any(kind.startswith("PUT") and kind.endswith("images") for kind in line.lost)

    client = open_store(home)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment])
    assert sorted(run.info.run_name.partition("-")[0] for run in runs) == ["evaluate", "train"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        for key in run.data.metrics:
            steps = Counter(metric.step for metric in client.get_metric_history(run.info.run_id, key))
            assert set(steps.values()) == {1}, key
        images = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
        pictures = Counter(path.split("+")[2] for path in images if path.endswith(".png"))
        assert set(pictures.values()) <= {1}
    (model,) = client.search_logged_models([experiment])
    assert str(model.status) == "READY"
    (run,) = [run for run in runs if run.info.run_name.startswith("train-")]
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    (version,) = registered_versions(client)
    assert result.promoted
    assert client.get_registered_model(MODEL_NAME).aliases == {"champion": version.version}
    assert version.tags["promotion"] == result.why
    assert "**Champion**" in version.description
