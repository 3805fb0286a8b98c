"""Tools that know nothing of this project read the shards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.shards.config import DataConfig
from data.worlds.clips import ClipBatch, make_clips
from data.worlds.world import WorldConfig

CLIPS, SEED = 9, 3
WORLD = WorldConfig(frame_size=32, frames=5, colours=("blue", "red"))


@pytest.fixture(scope="module")
def made() -> ClipBatch:
    return make_clips(WORLD, seed=SEED, indices=range(CLIPS))


@pytest.fixture(scope="module")
def parquet(write_dataset: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parquet")
    return write_dataset(folder, world=WORLD, data=DataConfig(clips=CLIPS, shards=2, seed=SEED))


@pytest.fixture(scope="module")
def tar(write_dataset: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tar")
    return write_dataset(folder, world=WORLD, data=DataConfig(clips=CLIPS, shards=2, seed=SEED, format="webdataset"))


def picture(value: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read a value of the column `frames` as its metadata say."""
    return np.frombuffer(value, np.uint8).reshape(shape).transpose(0, 2, 3, 1)


def test_pyarrow_alone_reads_rows_pixels_and_the_world(parquet: Path, made: ClipBatch) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(sorted(parquet.glob("*.parquet"))[0])
    facts = table.schema.field("frames").metadata
    assert facts[b"dtype"] == b"uint8"
    assert facts[b"axes"] == b"frame, channel (R, G, B), row, column"
    shape = tuple(json.loads(facts[b"shape"]))
    row = table.slice(2, 1).to_pylist()[0]
    np.testing.assert_array_equal(picture(row["frames"], shape), made.frames[2])
    assert (row["key"], row["prompt"]) == ("000000002", made.prompts[2])
    np.testing.assert_array_equal(np.float32(row["centre_x"]), made.objects[0].centres[2, :, 0])
    for name, value in row["factors"].items():
        assert (value is None) == bool(np.isnan(made.objects[0].factors[name][2]))
    assert WorldConfig.model_validate_json(table.schema.metadata[b"flipbook.world"]) == WORLD


def test_duckdb_counts_filters_and_reads_pixels(parquet: Path, made: ClipBatch) -> None:
    import duckdb

    files = str(parquet / "*.parquet")
    counts = duckdb.sql(f"select prompt, count(*) from '{files}' group by prompt").fetchall()
    assert dict(counts) == {prompt: made.prompts.count(prompt) for prompt in made.prompts}
    rows = duckdb.sql(
        f"""select "index", frames, factors.speed, radii[1], list_max(centre_y) from '{files}' where "index" = 7"""
    ).fetchall()
    ((index, frames, speed, radius, lowest),) = rows
    np.testing.assert_array_equal(picture(frames, (5, 3, 32, 32)), made.frames[index])
    assert np.float32(np.nan if speed is None else speed) == pytest.approx(
        made.objects[0].factors["speed"][7], nan_ok=True
    )
    assert np.float32(radius) == made.objects[0].radii[7, 0]
    assert np.float32(lowest) == made.objects[0].centres[7, :, 1].max()


def test_hugging_face_datasets_loads_and_streams(
    parquet: Path, made: ClipBatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    files = [str(path) for path in sorted(parquet.glob("*.parquet"))]
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    assert loaded["prompt"][:] == list(made.prompts)
    np.testing.assert_array_equal(picture(loaded[8]["frames"], (5, 3, 32, 32)), made.frames[8])
    streamed = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
    assert [row["index"] for row in streamed] == list(range(CLIPS))


def test_the_webdataset_library_groups_and_decodes_each_clip(tar: Path, made: ClipBatch) -> None:
    import webdataset

    files = [str(path) for path in sorted(tar.glob("*.tar"))]
    samples = list(webdataset.WebDataset(files, shardshuffle=False).decode("rgb8"))
    assert [sample["__key__"] for sample in samples] == [f"{index:09d}" for index in range(CLIPS)]
    for row, sample in enumerate(samples):
        assert sample["txt"] == made.prompts[row]
        assert sample["json"]["motion"] == made.objects[0].motions[row]
        strip = sample["png"].reshape(32, 5, 32, 3).transpose(1, 0, 2, 3)
        np.testing.assert_array_equal(strip, made.frames[row])


def test_the_files_of_a_clip_stand_together_in_the_tar_file(tar: Path) -> None:
    import tarfile

    with tarfile.open(sorted(tar.glob("*.tar"))[0]) as file:
        members = file.getmembers()
    assert [member.name for member in members[:4]] == [
        "000000000.json",
        "000000000.png",
        "000000000.txt",
        "000000001.json",
    ]
    assert all((member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644) for member in members)
