"""Checkpoints: how they are named, what they hold, and that nothing damaged or foreign passes for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from data.files import StorageError
from data.reading.dataset import ClipTensors
from models.checkpoint import CheckpointError, checkpoint_digest, find_checkpoint, load_checkpoint, save_checkpoint
from models.sampling import TextToVideo
from tests.models.tiny import MODEL, TRAIN, WORLD, train_tiny

WEIGHTS = "generator.safetensors"


@contextmanager
def _description(folder: Path) -> Iterator[dict[str, Any]]:
    """The content of checkpoint.json, which is written back with all changes."""
    path = folder / "checkpoint.json"
    info = json.loads(path.read_text())
    yield info
    path.write_text(json.dumps(info))


def test_a_checkpoint_is_named_by_its_folder_or_its_weights_file(trained: Path) -> None:
    assert find_checkpoint(trained) == find_checkpoint(trained / WEIGHTS) == trained
    assert TextToVideo.load(trained / WEIGHTS).digest == checkpoint_digest(trained)


def test_a_link_to_a_weights_file_names_the_checkpoint_of_that_file(trained: Path, tmp_path: Path) -> None:
    link = tmp_path / "best.safetensors"
    link.symlink_to(trained / WEIGHTS)
    assert find_checkpoint(link) == trained


def test_a_link_beside_a_description_names_its_own_folder(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "blob").write_bytes((trained / WEIGHTS).read_bytes())
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / WEIGHTS).symlink_to(tmp_path / "store" / "blob")
    (folder / "checkpoint.json").write_bytes((trained / "checkpoint.json").read_bytes())
    assert find_checkpoint(folder / WEIGHTS) == folder
    assert TextToVideo.load(folder / WEIGHTS).digest == checkpoint_digest(trained)


def test_a_path_that_is_no_checkpoint_is_refused_with_what_to_name(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no file or folder .*gone\. Name a checkpoint folder"):
        find_checkpoint(tmp_path / "gone")
    stray = tmp_path / "stray.safetensors"
    stray.write_bytes((trained / WEIGHTS).read_bytes())
    with pytest.raises(CheckpointError, match="belongs to no checkpoint"):
        find_checkpoint(stray)
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        TextToVideo.load(tmp_path)


def test_a_checkpoint_can_be_moved_and_holds_no_path(
    trained: Path, clips: ClipTensors, copy_of: Callable[[Path], Path]
) -> None:
    moved = copy_of(trained)
    assert checkpoint_digest(moved) == checkpoint_digest(trained)
    for path in moved.iterdir():
        assert str(trained.parent).encode() not in path.read_bytes()


def test_a_checkpoint_holds_no_pickle_but_the_training_state(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == ["checkpoint.json", WEIGHTS, "training.pt"]
    torch.load(trained / "training.pt", weights_only=True)


def test_damaged_weights_are_refused(trained: Path, copy_of: Callable[[Path], Path]) -> None:
    folder = copy_of(trained)
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    for read in (checkpoint_digest, load_checkpoint, TextToVideo.load):
        with pytest.raises(CheckpointError, match="damaged"):
            read(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint_digest(folder)


def test_a_description_of_another_program_is_refused(trained: Path, copy_of: Callable[[Path], Path]) -> None:
    folder = copy_of(trained)
    (folder / "checkpoint.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(CheckpointError, match=r"another program \(subject: Field required\)"):
        load_checkpoint(folder)


def test_weights_that_do_not_fit_their_configuration_are_refused(
    trained: Path, copy_of: Callable[[Path], Path]
) -> None:
    folder = copy_of(trained)
    with _description(folder) as info:
        info["model"]["motion_width"] = 64
    with pytest.raises(CheckpointError, match="do not fit"):
        TextToVideo.load(folder)


def test_the_digest_tells_weights_worlds_and_models_apart_and_nothing_else(
    trained: Path, clips: ClipTensors, tmp_path: Path, copy_of: Callable[[Path], Path]
) -> None:
    original = checkpoint_digest(trained)
    folder = copy_of(trained)
    with _description(folder) as info:
        info["dataset_digest"], info["step"] = "another", 99
    assert checkpoint_digest(folder) == original
    for key, value in (("subject", {"fps": 25}), ("model", {"keypoints": 5})):
        with _description(folder) as info:
            before = dict(info[key])
            info[key] |= value
        assert checkpoint_digest(folder) != original
        with _description(folder) as info:
            info[key] = before
    assert checkpoint_digest(train_tiny(clips, tmp_path / "other", steps=TRAIN.steps - 1)) != original


def test_a_value_that_the_configuration_gains_later_changes_no_digest(
    trained: Path, copy_of: Callable[[Path], Path]
) -> None:
    folder = copy_of(trained)
    with _description(folder) as info:
        del info["model"]["objects"]  # as if the checkpoint were older than this value
    older = checkpoint_digest(folder)
    assert load_checkpoint(folder).info.model == MODEL
    assert load_checkpoint(folder).digest == older


def test_a_checkpoint_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(StorageError, match="Could not write the checkpoint"):
        _save(blocked / "final")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("too_large", ["weights", "state"])
def test_a_full_disk_is_named_as_the_reason_and_leaves_no_part_of_a_checkpoint(
    small_disk: Path, too_large: str
) -> None:
    with pytest.raises(StorageError, match=r"checkpoint .*final: No space left on device\. Free some space"):
        _save(small_disk / "final", **{too_large: {"a": torch.zeros(30_000)}})
    assert list(small_disk.iterdir()) == []


def _save(folder: Path, **changes: Any) -> None:
    small = {"a": torch.zeros(1)}
    values = {"weights": small, "state": small} | changes
    save_checkpoint(folder, **values, subject=WORLD, model=MODEL, step=1, dataset_digest="x")
