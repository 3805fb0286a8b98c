"""The small data sets that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data.shards.config import DataConfig, ShardFormat
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.world import WorldConfig


def _write_dataset(folder: Path, *, world: WorldConfig, data: DataConfig) -> Path:
    entries = [write_shard(folder, world=world, data=data, shard=shard) for shard in range(data.shards)]
    write_manifest(folder, source=WorldSource(world=world, data=data), shards=entries, digest="0" * 64)
    return folder


@pytest.fixture(scope="session")
def write_dataset() -> Callable[..., Path]:
    """Write a complete data set. `write_dataset(folder, world=, data=)` returns the folder."""
    return _write_dataset


@pytest.fixture(scope="session")
def world() -> WorldConfig:
    """A world of several shapes and colours with small pictures."""
    return WorldConfig(frame_size=32, frames=6, shapes=("circle", "triangle"), colours=("blue", "green"))


@pytest.fixture(scope="session", params=["parquet", "webdataset"])
def stored_as(request: pytest.FixtureRequest) -> ShardFormat:
    """Each of the two formats."""
    format: ShardFormat = request.param
    return format


@pytest.fixture(scope="session")
def shared_dataset(world: WorldConfig, stored_as: ShardFormat, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven clips in three shards, for tests that only read."""
    data = DataConfig(clips=7, shards=3, seed=5, format=stored_as)
    return _write_dataset(tmp_path_factory.mktemp(stored_as), world=world, data=data)


@pytest.fixture
def dataset(world: WorldConfig, stored_as: ShardFormat, tmp_path: Path) -> Path:
    """The same seven clips, for tests that damage them."""
    return _write_dataset(tmp_path / "own", world=world, data=DataConfig(clips=7, shards=3, seed=5, format=stored_as))
