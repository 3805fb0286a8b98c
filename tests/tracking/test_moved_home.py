"""A home can be moved, copied, and served: nothing below it knows where it is."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlflow_server import MlflowServer

from data.home import Home
from models.checkpoint import checkpoint_digest
from models.training.trainer import Progress, Samples
from tracking.model_reference import resolve_model
from tracking.promotion import promote
from tracking.store import open_store
from tracking.training_run import TrainingRun

SNIPPET = re.compile(r"```python\n(.*?)```", re.DOTALL)
REGISTER = """
import sys
from pathlib import Path
from data.home import Home
from tracking.importing import import_checkpoint
from tracking.model_reference import resolve_model
home = Home.at(sys.argv[1])
print(resolve_model(home, "models:/flipbook@champion").checkpoint)
print(import_checkpoint(home, Path(sys.argv[2]))[0].ref)
print(resolve_model(home, "models:/flipbook/latest").checkpoint)
"""


def content_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def python(code: str, *arguments: str, cwd: Path, home: str) -> list[str]:
    """The lines that `code` prints in a fresh process, which finds no other settings than the home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "FLIPBOOK_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment | {"FLIPBOOK_HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.fixture
def used(home: Home, manifest, scored) -> Home:
    """A home with a training, a version, its evaluation, and a champion."""
    run = TrainingRun.open(
        home,
        training_digest="7" * 64,
        params={},
        dataset=manifest,
        dataset_folder=home.datasets / "clips",
    )
    run.handle(Progress(step=1, total=2, losses={"generator": 1.0}, clips_per_second=1.0))
    run.handle(Samples(step=1, prompts=("circle",), frames=np.zeros((1, 4, 32, 32, 3), np.uint8)))
    run.finish("c" * 64)
    assert promote(home, scored(seed=0, held_out=0.5)).promoted
    return home


def test_a_moved_and_a_copied_home_work_and_leave_the_first_place_alone(used, make_checkpoint, tmp_path):
    snippet = SNIPPET.search(open_store(used).get_model_version("flipbook", "1").description)
    assert snippet
    moved = tmp_path / "a 100% other#place" / "moved"
    moved.parent.mkdir()
    used.root.rename(moved)
    for path in moved.rglob("*"):
        assert path.is_dir() or str(used.root).encode() not in path.read_bytes(), path

    # The code on the version's page draws with the version, in the folder that holds the home.
    assert python(snippet[1] + "print(frames.shape)", cwd=moved.parent, home="moved") == ["(1, 4, 32, 32, 3)"]
    assert not used.root.exists()

    copied = tmp_path / "copied"
    shutil.copytree(moved, copied)
    before = content_of(moved)
    elsewhere = make_checkpoint(tmp_path / "elsewhere", seed=5)
    champion, ref, latest = python(REGISTER, str(copied), str(elsewhere), cwd=tmp_path, home="unused")
    assert ref == "models:/flipbook/2"
    assert Path(champion).is_relative_to(copied)
    assert Path(latest).is_relative_to(copied)
    assert content_of(moved) == before


def test_a_server_on_the_home_serves_the_same_models_and_pictures(used, tmp_path, monkeypatch):
    expected = resolve_model(used, "models:/flipbook@champion")
    with MlflowServer(used.root) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        other = Home.at(tmp_path / "other").create()
        found = resolve_model(other, "models:/flipbook@champion")
        client = open_store(other)
        training = client.search_runs(["1"], "attributes.run_name = 'train-77777777'")[0]
        pictures = client.list_artifacts(training.info.run_id, "images")
    assert (found.version, found.digest) == (expected.version, expected.digest)
    assert found.checkpoint.parent == other.models
    assert checkpoint_digest(found.checkpoint) == expected.digest
    assert len(pictures) == 2
