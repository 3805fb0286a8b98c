"""Data sets are loaded as they were made, or refused with a message that names what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from data.files import DamagedShardError, StorageError
from data.reading.dataset import ClipTensors, load_clips
from data.shards.config import DataConfig, ShardFormat
from data.shards.entry import verify_shard
from data.shards.export import export_dataset
from data.shards.manifest import ManifestError, read_manifest, write_manifest
from data.shards.shard import read_clips, write_shard
from data.shards.sources import WorldSource
from data.worlds.clips import make_clips
from data.worlds.world import WorldConfig
from tests.data.damage import flip_a_byte, shorten


def all_frames(clips: ClipTensors) -> torch.Tensor:
    return clips.frames(torch.arange(len(clips)))


def test_loaded_clips_are_the_ones_that_were_made(shared_dataset: Path, world: WorldConfig) -> None:
    clips, made = load_clips(shared_dataset), make_clips(world, seed=5, indices=range(7))
    frames = all_frames(clips)
    assert frames.dtype == torch.uint8
    assert frames.shape == (7, 6, 3, 32, 32)
    np.testing.assert_array_equal(frames.permute(0, 1, 3, 4, 2).numpy(), made.frames)
    some = torch.tensor([6, 0, 3, 3])
    assert torch.equal(clips.frames(some), frames[some])
    assert tuple(clips.prompts) == made.prompts
    assert len(clips) == clips.manifest.rows == 7
    np.testing.assert_array_equal(clips.of_prompt(made.prompts[3], at_most=1), made.frames[3:4])
    assert clips.of_prompt("circle moving up-right", at_most=9).shape == (0, 6, 32, 32, 3)  # training never shows it


def test_frames_above_the_memory_limit_are_mapped_from_a_file_which_is_used_again(
    dataset: Path, world: WorldConfig
) -> None:
    made = make_clips(world, seed=5, indices=range(7))
    first = load_clips(dataset, memory_limit=1000)
    np.testing.assert_array_equal(all_frames(first).permute(0, 1, 3, 4, 2).numpy(), made.frames)
    (decoded,) = dataset.glob("frames-*.u8")
    written = decoded.stat().st_mtime_ns
    first.ink.rows.zero_()  # this must not change the file
    again = load_clips(dataset, memory_limit=1000)
    np.testing.assert_array_equal(all_frames(again).permute(0, 1, 3, 4, 2).numpy(), made.frames)
    assert tuple(again.prompts) == made.prompts
    assert decoded.stat().st_mtime_ns == written


def test_a_flipped_bit_is_found_and_the_shard_is_named(dataset: Path) -> None:
    entry = read_manifest(dataset).shards[1]
    flip_a_byte(dataset / entry.name)
    with pytest.raises(DamagedShardError, match=f"{entry.name} is damaged.*Delete it"):
        load_clips(dataset)
    with pytest.raises(DamagedShardError, match=entry.name):
        verify_shard(dataset, entry)


def test_a_shortened_shard_is_found_and_named(dataset: Path) -> None:
    entry = read_manifest(dataset).shards[2]
    shorten(dataset / entry.name)
    with pytest.raises(DamagedShardError, match=rf"{entry.name} has \d+ bytes instead of {entry.bytes}"):
        load_clips(dataset)
    with pytest.raises(DamagedShardError, match="bytes instead of"):
        verify_shard(dataset, entry)


def test_a_missing_shard_is_named(dataset: Path) -> None:
    entry = read_manifest(dataset).shards[0]
    (dataset / entry.name).unlink()
    with pytest.raises(DamagedShardError, match=f"{entry.name} cannot be read"):
        load_clips(dataset)
    with pytest.raises(DamagedShardError, match=entry.name):
        verify_shard(dataset, entry)


def test_a_shard_that_cannot_be_decoded_is_named_even_without_verification(dataset: Path) -> None:
    entry = read_manifest(dataset).shards[1]
    (dataset / entry.name).write_bytes(b"no shard at all")
    with pytest.raises(DamagedShardError, match=entry.name):
        load_clips(dataset, verify=False)


def test_a_shard_of_another_data_set_is_refused_even_without_verification(
    dataset: Path, world: WorldConfig, stored_as: ShardFormat, tmp_path: Path
) -> None:
    other = DataConfig(clips=30, shards=3, format=stored_as)
    name = write_shard(tmp_path / "other", world=world, data=other, shard=1).name
    (tmp_path / "other" / name).replace(dataset / name)
    with pytest.raises(DamagedShardError, match="holds 10 clips"):
        load_clips(dataset, verify=False)


def test_a_shard_of_other_pictures_is_refused_even_without_verification(
    dataset: Path, world: WorldConfig, stored_as: ShardFormat, tmp_path: Path
) -> None:
    other = world.model_copy(update={"frame_size": 48})
    name = write_shard(tmp_path, world=other, data=DataConfig(clips=7, shards=3, format=stored_as), shard=1).name
    (tmp_path / name).replace(dataset / name)
    with pytest.raises(DamagedShardError, match=rf"{name} holds .*frames of .*expected"):
        load_clips(dataset, verify=False)


def test_whole_shards_pass_verification(shared_dataset: Path) -> None:
    for entry in read_manifest(shared_dataset).shards:
        verify_shard(shared_dataset, entry)


def test_a_folder_without_a_manifest_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json is missing"):
        load_clips(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"version": 2', '"version": 1'), ('"rows": 2', '"rows": 9'), ("{", "["), ('"name": "clips', '"name": "../clips')],
)
def test_a_manifest_that_was_tampered_with_is_refused(dataset: Path, old: str, new: str) -> None:
    path = dataset / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ManifestError, match="cannot be used"):
        read_manifest(dataset)


def test_a_manifest_is_only_written_when_all_shards_are_there(world: WorldConfig, tmp_path: Path) -> None:
    data = DataConfig(clips=6, shards=3)
    entries = [write_shard(tmp_path, world=world, data=data, shard=shard) for shard in (2, 0)]
    with pytest.raises(ValidationError):
        write_manifest(tmp_path, source=WorldSource(world=world, data=data), shards=entries, digest="0" * 64)
    assert not (tmp_path / "manifest.json").exists()
    entries.append(write_shard(tmp_path, world=world, data=data, shard=1))
    manifest = write_manifest(tmp_path, source=WorldSource(world=world, data=data), shards=entries, digest="0" * 64)
    assert [shard.first_index for shard in manifest.shards] == [0, 2, 4]
    assert read_manifest(tmp_path) == manifest


def test_an_export_to_the_other_format_and_back_gives_the_same_bytes(
    dataset: Path, stored_as: ShardFormat, tmp_path: Path
) -> None:
    other: ShardFormat = "webdataset" if stored_as == "parquet" else "parquet"
    there = export_dataset(dataset, tmp_path / "there", format=other)
    back = export_dataset(tmp_path / "there", tmp_path / "back", format=stored_as)
    assert there.digest == back.digest
    assert back == read_manifest(dataset)
    one, two = load_clips(tmp_path / "there"), load_clips(dataset)
    assert torch.equal(all_frames(one), all_frames(two))
    assert one.prompts == two.prompts


def test_export_refuses_a_damaged_source(dataset: Path, tmp_path: Path) -> None:
    entry = read_manifest(dataset).shards[0]
    flip_a_byte(dataset / entry.name)
    with pytest.raises(DamagedShardError, match=entry.name):
        export_dataset(dataset, tmp_path / "out", format="parquet")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_large_pictures_are_made_and_stored_in_small_batches(stored_as: ShardFormat, tmp_path: Path) -> None:
    world = WorldConfig(frame_size=256, frames=64)
    data = DataConfig(clips=3, shards=1, format=stored_as)
    entry = write_shard(tmp_path, world=world, data=data, shard=0)
    batches = list(read_clips(tmp_path / entry.name))
    assert sum(len(batch.indices) for batch in batches) == 3
    if stored_as == "parquet":
        assert max(batch.frames.nbytes for batch in batches) <= 32 * 2**20


def test_lz4_shards_hold_the_same_clips(write_dataset: Callable[..., Path], world: WorldConfig, tmp_path: Path) -> None:
    write_dataset(tmp_path, world=world, data=DataConfig(clips=4, shards=1, compression="lz4"))
    frames = all_frames(load_clips(tmp_path)).permute(0, 1, 3, 4, 2)
    np.testing.assert_array_equal(frames.numpy(), make_clips(world, seed=0, indices=range(4)).frames)


def test_an_output_folder_that_is_a_file_is_named_in_the_error(world: WorldConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"Could not write .*/file/clips-00000-of-00001\.parquet: Not a directory"):
        write_shard(tmp_path / "file", world=world, data=DataConfig(clips=1, shards=1), shard=0)
