"""Cleaning deletes old caches, and nothing that a version was made from or that somebody works on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from data.clip_format import ClipFormat
from data.home import Home
from data.importing.config import ImportConfig
from data.shards.manifest import write_manifest
from data.shards.sources import ImportSource
from data.subject import CaptionedSubject
from tasks.cache.artifact import NAME_LENGTH
from tasks.clean import DAY, delete_leftovers, find_leftovers
from tracking.store import open_store
from tracking.versions import ModelVersion, model_id_of


def folder(path: Path, *, days: float, size: int = 100) -> Path:
    """A folder with one file, both written `days` ago."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "file").write_bytes(b"x" * size)
    grow_old(path, days=days)
    return path


def grow_old(path: Path, *, days: float) -> None:
    then = time.time() - days * DAY
    for item in (*path.rglob("*"), path):
        os.utime(item, (then, then))


def test_old_folders_are_found_largest_first_and_young_ones_are_not(home: Home) -> None:
    small = folder(home.datasets / "a", days=40)
    large = folder(home.evaluations / "b", days=31, size=1000)
    folder(home.datasets / "c", days=29)
    found = find_leftovers.fn(home, 30)
    assert [(item.path, item.kind, item.bytes) for item in found] == [
        (large, "evaluation", 1000),
        (small, "data set", 100),
    ]


def test_one_new_file_keeps_a_folder(home: Home) -> None:
    busy = folder(home.checkpoints / "busy", days=40)
    (busy / "step-00000100").mkdir()
    assert find_leftovers.fn(home, 30) == []


def test_imported_clips_stay_unless_they_are_asked_for(home: Home) -> None:
    subject = CaptionedSubject.of(ClipFormat(frames=4, height=32, width=32, fps=10), {"train": ["a dog", "a cat"]})
    source = ImportSource(name="clips", config=ImportConfig(frames=4, width=32, height=32), subject=subject)
    place = folder(home.datasets / "own", days=40)
    write_manifest(place, source=source, shards=[], digest="0" * 64)
    grow_old(place, days=40)
    assert find_leftovers.fn(home, 30) == []
    assert [item.kind for item in find_leftovers.fn(home, 30, imported=True)] == ["imported data set"]


def test_what_was_left_unfinished_goes_too(home: Home) -> None:
    folder(home.evaluations / ".writing-abc", days=2)
    assert [item.kind for item in find_leftovers.fn(home, 1)] == ["unfinished"]


def test_the_checkpoints_of_a_registered_version_stay(home: Home, registered: Callable[..., ModelVersion]) -> None:
    version = registered(seed=1)
    tags = open_store(home).get_model_version("flipbook", str(version.version)).tags
    folder(home.checkpoints / tags["training_digest"][:NAME_LENGTH], days=40)
    (home.checkpoints / "1").rename(other := home.checkpoints / "other")
    grow_old(other, days=40)
    assert [item.path for item in find_leftovers.fn(home, 30)] == [other]


def test_the_fetched_models_of_registered_versions_stay(home: Home, registered: Callable[..., ModelVersion]) -> None:
    version = registered(seed=1)
    model_id = model_id_of(open_store(home).get_model_version("flipbook", str(version.version)))
    folder(home.models / model_id, days=40)
    other = folder(home.models / "m-other", days=40)
    folder(home.models / "m-young", days=29)
    assert [(item.path, item.kind) for item in find_leftovers.fn(home, 30)] == [(other, "fetched model")]


def test_deleting_frees_what_was_found_and_spares_what_was_used_since(home: Home) -> None:
    gone, used = folder(home.datasets / "gone", days=40), folder(home.datasets / "used", days=40)
    found = find_leftovers.fn(home, 30)
    (used / "file").write_bytes(b"again")
    assert delete_leftovers.fn(found) == 100
    assert not gone.exists()
    assert (used / "file").read_bytes() == b"again"
    assert [path.name for path in home.datasets.iterdir()] == ["used"]
