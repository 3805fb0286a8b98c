"""Shards hold every clip with everything that is known about it, and have the same bytes each time."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.clip_batch import SPLIT_NAMES, ClipBatch, ObjectBatch, Origin
from data.clip_format import ClipFormat
from data.shards.config import DataConfig, ShardFormat, shard_indices, shard_name
from data.shards.layout import ShardLayout
from data.shards.manifest import read_manifest, whole_shard
from data.shards.shard import read_clips, write_clips, write_shard
from data.worlds.clips import make_clips
from data.worlds.motions import FACTORS
from data.worlds.world import WorldConfig
from tests.data.damage import flip_a_byte, shorten

SIDES = st.sampled_from([32, 40])


def assert_same_clips(one: ClipBatch, other: ClipBatch) -> None:
    assert_same_fields(one, other, but="objects")
    for mine, theirs in zip(one.objects, other.objects, strict=True):
        assert_same_fields(mine, theirs)


def assert_same_fields(one: object, other: object, *, but: str = "") -> None:
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name == but:
            continue
        if field.name == "factors":
            assert left.keys() == right.keys()
            for name in left:
                assert left[name].dtype == right[name].dtype == np.float32
                np.testing.assert_array_equal(left[name], right[name], err_msg=name)
        elif isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right, err_msg=field.name)
        else:
            assert left == right, field.name


@st.composite
def arbitrary_clips(draw: st.DrawFn, *, objects: int, imported: bool) -> ClipBatch:
    """Draw clips that no world would make: any size, any pixels, any floats, any text."""
    count, frames, height, width = draw(st.integers(1, 5)), 4, draw(SIDES), draw(SIDES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    text = st.text(st.characters(codec="utf-8"), max_size=20)
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)

    def each(values: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(values, min_size=count, max_size=count)))

    def factor() -> np.ndarray:
        return np.array(each(floats | st.just(float("nan"))), dtype=np.float32)

    return ClipBatch(
        indices=np.arange(count, dtype=np.int64) + draw(st.integers(0, 10**8)),
        frames=rng.integers(0, 256, (count, frames, height, width, 3), dtype=np.uint8),
        captions=each(st.lists(text, min_size=1, max_size=3).map(tuple)),
        splits=each(st.sampled_from(SPLIT_NAMES)),
        origins=each(st.builds(Origin, text, st.floats(allow_nan=False))) if imported else (),
        objects=tuple(
            ObjectBatch(
                motions=each(text),
                shapes=each(text),
                colours=each(text),
                factors={name: factor() for name in FACTORS},
                centres=rng.standard_normal((count, frames, 2)).astype(np.float32),
                radii=np.full((count, frames), draw(floats), dtype=np.float32),
                angles=(rng.standard_normal((count, frames)) * 1e30).astype(np.float32),
            )
            for _ in range(objects)
        ),
    )


@pytest.mark.parametrize(("objects", "imported"), [(1, False), (2, False), (0, True), (0, False)])
@given(made=st.data(), stored_as=st.sampled_from(["parquet", "webdataset"]))
def test_whatever_clips_are_written_come_back_to_the_bit(
    objects: int, imported: bool, made: st.DataObject, stored_as: ShardFormat
) -> None:
    clips = made.draw(arbitrary_clips(objects=objects, imported=imported))
    _, frames, height, width, _ = clips.frames.shape
    clip = ClipFormat(frames=frames, height=height, width=width, fps=10)
    suffix = {"parquet": ".parquet", "webdataset": ".tar"}[stored_as]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"any{suffix}"
        layout = ShardLayout(clip=clip, objects=objects, imported=imported, format=stored_as)
        entry = write_clips(path, [clips], layout, first_index=0)
        (back,) = read_clips(path)
    assert entry.rows == len(clips.indices)
    assert entry.splits == Counter(clips.splits)
    assert_same_clips(clips, back)


def test_a_shard_holds_the_clips_of_its_range(world: WorldConfig, stored_as: ShardFormat, tmp_path: Path) -> None:
    data = DataConfig(clips=20, shards=3, seed=9, format=stored_as)
    entry = write_shard(tmp_path, world=world, data=data, shard=1)
    (back,) = read_clips(tmp_path / entry.name)
    assert (entry.first_index, entry.rows) == (6, 7)
    assert_same_clips(make_clips(world, seed=9, indices=range(6, 13)), back)


def test_the_same_shard_has_the_same_bytes_each_time(
    world: WorldConfig, stored_as: ShardFormat, tmp_path: Path
) -> None:
    data = DataConfig(clips=6, shards=2, format=stored_as)
    first = write_shard(tmp_path / "a", world=world, data=data, shard=1)
    assert write_shard(tmp_path / "b", world=world, data=data, shard=1) == first
    assert (tmp_path / "a" / first.name).read_bytes() == (tmp_path / "b" / first.name).read_bytes()


def test_more_clips_than_one_row_group_come_back_in_order(stored_as: ShardFormat, tmp_path: Path) -> None:
    world = WorldConfig(frame_size=32, frames=4)
    entry = write_shard(tmp_path, world=world, data=DataConfig(clips=300, shards=1, format=stored_as), shard=0)
    indices = np.concatenate([batch.indices for batch in read_clips(tmp_path / entry.name)])
    np.testing.assert_array_equal(indices, np.arange(300))


@given(clips=st.integers(1, 10**6), shards=st.integers(1, 1000))
def test_shards_cover_all_clips_once_and_evenly(clips: int, shards: int) -> None:
    data = DataConfig(clips=clips, shards=min(clips, shards))
    ranges = [shard_indices(data, shard) for shard in range(data.shards)]
    assert ranges[0].start == 0
    assert ranges[-1].stop == clips
    assert all(one.stop == next_one.start for one, next_one in pairwise(ranges))
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1


def test_a_shard_that_does_not_exist_is_refused(world: WorldConfig, tmp_path: Path) -> None:
    with pytest.raises(IndexError, match="no shard 2; the data set has the shards 0 to 1"):
        write_shard(tmp_path, world=world, data=DataConfig(clips=4, shards=2), shard=2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clips": 0}, "greater than or equal to 1"),
        ({"clips": 3, "shards": 4}, "4 shards are more than 3 clips"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"format": "zip"}, "'parquet' or 'webdataset'"),
        ({"clip": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_config_out_of_range_is_refused_with_the_reason(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataConfig.model_validate(values)


def test_a_clip_of_the_default_world_takes_less_than_a_kilobyte_and_a_half(tmp_path: Path) -> None:
    data = DataConfig(clips=256, shards=1)
    assert write_shard(tmp_path, world=WorldConfig(), data=data, shard=0).bytes / data.clips < 1500


def test_an_interrupted_data_set_knows_which_of_its_shards_are_whole(
    world: WorldConfig, stored_as: ShardFormat, tmp_path: Path
) -> None:
    data = DataConfig(clips=6, shards=3, format=stored_as)
    whole, cut, damaged = (write_shard(tmp_path, world=world, data=data, shard=shard) for shard in range(3))
    shorten(tmp_path / cut.name)
    flip_a_byte(tmp_path / damaged.name)
    assert [whole_shard(tmp_path, shard_name(data, shard)) for shard in range(3)] == [whole, None, None]


def test_a_shard_without_a_record_counts_as_not_made(world: WorldConfig, tmp_path: Path) -> None:
    data = DataConfig(clips=6, shards=3)
    assert whole_shard(tmp_path, shard_name(data, 0)) is None
    entry = write_shard(tmp_path, world=world, data=data, shard=0)
    (tmp_path / f"{entry.name}.json").write_text("{")
    assert whole_shard(tmp_path, shard_name(data, 0)) is None


def test_the_manifest_takes_the_place_of_the_shards_own_records(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    assert {path.name for path in dataset.iterdir()} == {"manifest.json", *(entry.name for entry in manifest.shards)}
    for number, entry in enumerate(manifest.shards):
        assert whole_shard(dataset, shard_name(manifest.source.data, number)) == entry
    flip_a_byte(dataset / manifest.shards[1].name)
    assert whole_shard(dataset, shard_name(manifest.source.data, 1)) is None
    assert write_shard(dataset, world=manifest.source.world, data=manifest.source.data, shard=1) == manifest.shards[1]
    assert whole_shard(dataset, shard_name(manifest.source.data, 1)) == manifest.shards[1]


def test_a_data_set_that_was_moved_is_still_whole(dataset: Path, tmp_path: Path) -> None:
    before = read_manifest(dataset)
    text = (dataset / "manifest.json").read_text()
    assert str(tmp_path) not in text
    dataset.rename(tmp_path / "elsewhere")
    assert read_manifest(tmp_path / "elsewhere") == before
    assert all(whole_shard(tmp_path / "elsewhere", shard_name(before.source.data, shard)) for shard in range(3))
