"""The event of a new version on a real Prefect server: emitted once for each, with what an automation needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import mlflow
import pytest
from prefect.events.worker import EventsWorker
from tiny import tiny_config

from data.home import Home
from flows.announce import announce
from flows.evaluate import evaluation_only
from flows.pipeline import pipeline
from flows.train import train
from models.checkpoint import checkpoint_digest
from tracking.store import open_store, tracking_uri
from tracking.versions import ANNOUNCED_TAG, NOT_YET

ROOT = Path(__file__).parents[2]
EVENT = "flipbook.model-version.registered"
TINY = [
    f"--set={setting}"
    for setting in (
        *("world.frame_size=32", "world.frames=4", "data.clips=36", "data.shards=1", "model.motion_width=16"),
        *("model.critic_width=16", "model.frame_critic_channels=4", "train.steps=2", "train.device=cpu"),
    )
]


@pytest.fixture
def prefect_used(prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    return prefect_api


@pytest.fixture
def events(prefect_used: str):
    """The events of registered versions since the test began, newest first; the server is given time to take them."""
    seen = {event["id"] for event in _events(prefect_used)}

    def read(expected: int) -> list[dict[str, object]]:
        EventsWorker.drain_all(timeout=10)
        deadline = time.monotonic() + 15
        while True:
            found = [event for event in _events(prefect_used) if event["id"] not in seen]
            if len(found) > expected or time.monotonic() > deadline:
                break
            if len(found) == expected:
                time.sleep(1.5)  # for one too many
                found = [event for event in _events(prefect_used) if event["id"] not in seen]
                break
            time.sleep(0.2)
        assert len(found) == expected
        return found

    return read


def _events(api: str) -> list[dict[str, object]]:
    answer = httpx.post(f"{api}/events/filter", json={"filter": {"event": {"name": [EVENT]}}, "limit": 50}, timeout=30)
    answer.raise_for_status()
    return answer.json()["events"]


def train_all(**changes: object):
    config = tiny_config(**changes)
    return train(config.world, config.data, config.model, config.train)


def register_without_prefect(checkpoint: Path, home: Home, **variables: str) -> str:
    """What `flipbook register` prints where there is no Prefect server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", "register", str(checkpoint), "--home", str(home.root)],
        cwd=ROOT, env=environment | {"PREFECT_HOME": str(home.prefect)} | variables,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_training_announces_its_version_once_and_a_pipeline_says_that_it_evaluates_by_itself(home, events):
    version = train_all()
    (event,) = events(1)
    resource = event["resource"]
    assert resource["prefect.resource.id"] == "flipbook.model-version.1"
    assert resource["prefect.resource.name"] == resource["flipbook.ref"] == "models:/flipbook/1"
    assert resource["flipbook.awaits-evaluation"] == "true"
    assert event["payload"] == {"ref": version.ref, "digest": version.digest, "run_id": version.run_id}

    train_all()  # the same again
    pipeline(tiny_config())
    pipeline(tiny_config(train={"seed": 7}))
    assert events(2)[0]["resource"]["flipbook.ref"] == "models:/flipbook/2"
    assert events(2)[0]["resource"]["flipbook.awaits-evaluation"] == "false"
    announce()
    events(2)  # version 1 was announced and has been evaluated since


def test_a_checkpoint_registered_by_hand_is_announced(home, events, tmp_path, prefect_used):
    train_all()
    (final,) = home.checkpoints.glob("*/final")
    command = [sys.executable, "-m", "flows.cli.main", "register", str(final), "--home", str(tmp_path / "other")]
    environment = {**os.environ, "PREFECT_API_URL": prefect_used}
    first, again = (
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120)
        for _ in range(2)
    )
    assert "Registered as models:/flipbook/1." in first.stdout
    assert "announced" in first.stdout
    assert "evaluate --model models:/flipbook/1 --home" in first.stdout
    assert "registered already: models:/flipbook/1" in again.stdout
    newest, _ = events(2)  # the training's own, and the import's
    assert newest["payload"]["digest"] == checkpoint_digest(final)
    assert newest["resource"]["flipbook.awaits-evaluation"] == "true"


def test_without_prefect_nothing_is_emitted_and_nothing_fails(home, events, tmp_path, monkeypatch):
    train_all()
    (final,) = home.checkpoints.glob("*/final")
    other = Home.at(tmp_path / "other").create()
    command = [sys.executable, "-m", "flows.cli.main", "register", str(final), "--home", str(other.root)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    for address in ({}, {"PREFECT_API_URL": "http://127.0.0.1:9/api"}):
        environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), **address}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        assert "models:/flipbook/1" in done.stdout
    assert not (tmp_path / "prefect" / "prefect.db").exists()
    events(1)  # of the training alone

    monkeypatch.setenv("FLIPBOOK_HOME", str(other.root))
    assert announce() == ["models:/flipbook/1"]  # it makes up for what was not said
    assert announce() == []
    events(2)


def test_a_version_that_mlflow_registered_is_announced_by_the_flow_that_looks_for_it(home, events, monkeypatch):
    version = train_all()
    client = open_store(home)
    client.delete_model_version("flipbook", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(home))
    mlflow.set_tracking_uri(tracking_uri(home))
    try:
        mlflow.register_model(f"runs:/{version.run_id}/model", "flipbook")
    finally:
        mlflow.set_tracking_uri(None)
    (found,) = client.search_model_versions("name = 'flipbook'")
    ref = f"models:/flipbook/{found.version}"
    assert announce() == [ref]
    assert announce() == []
    newest, _ = events(2)
    assert newest["payload"] == {"ref": ref, "digest": version.digest, "run_id": version.run_id}
    assert client.get_model_version("flipbook", found.version).tags[ANNOUNCED_TAG]


def test_a_version_that_is_still_without_scores_hours_later_is_announced_again(home, events):
    train_all()
    assert announce() == []
    client = open_store(home)
    for hours, words, expected in ((5, "", []), (7, "", ["models:/flipbook/1"]), (7, "never", [])):
        then = datetime.now(UTC) - timedelta(hours=hours)
        client.set_model_version_tag("flipbook", "1", ANNOUNCED_TAG, words or then.isoformat(timespec="seconds"))
        assert announce() == expected
    newest, _ = events(2)  # the training's own, and the one that was announced again
    assert newest["resource"]["flipbook.awaits-evaluation"] == "true"


def test_a_server_of_the_commands_own_hears_nothing_and_the_version_stays_to_be_announced(home, events):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    subprocess.run(
        [sys.executable, "-m", "flows.cli.main", "train", "--home", str(home.root), *TINY],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=True,
    )  # fmt: skip
    assert open_store(home).get_model_version("flipbook", "1").tags[ANNOUNCED_TAG] == NOT_YET
    assert announce() == ["models:/flipbook/1"]
    events(1)


def test_what_was_evaluated_by_hand_needs_no_announcement(home, events, monkeypatch, tmp_path):
    train_all()
    (final,) = home.checkpoints.glob("*/final")
    other = Home.at(tmp_path / "other").create()
    monkeypatch.setenv("FLIPBOOK_HOME", str(other.root))
    assert "announced" not in register_without_prefect(final, other)
    evaluation_only("models:/flipbook/1", tiny_config().evaluation)
    assert announce() == []
    events(1)
