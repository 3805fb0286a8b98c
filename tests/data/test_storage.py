"""Files are complete or absent, also on a full disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data.files import StorageError, atomic_path, write_atomically
from data.reading.dataset import load_clips
from data.shards.config import DataConfig, ShardFormat
from data.shards.shard import write_shard
from data.worlds.world import WorldConfig


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_behind(small_disk: Path, stored_as: ShardFormat) -> None:
    data = DataConfig(clips=600, shards=2, format=stored_as)
    with pytest.raises(StorageError, match=r"clips-00000-of-00002\.\w+: No space left on device\. Free some space"):
        write_shard(small_disk, world=WorldConfig(), data=data, shard=0)
    assert list(small_disk.iterdir()) == []


def test_a_disk_too_small_for_the_mapped_frames_is_a_clear_error(
    small_disk: Path, write_dataset: Callable[..., Path]
) -> None:
    write_dataset(small_disk, world=WorldConfig(), data=DataConfig(clips=3, shards=1))
    before = set(small_disk.iterdir())
    with pytest.raises(StorageError, match=r"\.u8: No space left on device"):
        load_clips(small_disk, memory_limit=0)
    assert set(small_disk.iterdir()) == before
