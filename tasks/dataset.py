"""The tasks that make a data set: one for each shard, and one that writes the manifest when all shards are there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prefect import task

from data.home import Home
from data.shards.config import DataConfig, shard_name
from data.shards.entry import ShardEntry
from data.shards.manifest import Manifest, ManifestError, read_manifest, whole_shard, write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.world import WorldConfig
from tasks.cache.artifact import Artifact
from tasks.retrying import kept, retried


@dataclass(frozen=True)
class Dataset:
    """A complete data set: its folder, with shards and manifest, and its digest."""

    folder: Path
    digest: str

    def manifest(self) -> Manifest:
        """The manifest, read from disk."""
        return read_manifest(self.folder)


def dataset_artifact(world: WorldConfig, data: DataConfig) -> Artifact:
    """The identity of the data set that `world` and `data` describe. Its own manifest says whether it is complete."""
    return Artifact.of("dataset", config={"world": world, "data": data}, code=["data.shards.shard"])


@task(name="make-shard", task_run_name="shard {shard}", **retried())
def make_shard(home: Home, world: WorldConfig, data: DataConfig, shard: int) -> ShardEntry:
    """Make the clips of shard number `shard`, counted from 0, and write them. A whole shard is kept."""
    artifact = dataset_artifact(world, data)
    folder = artifact.folder(home)
    with artifact.lock(home, part=f"-{shard}"):
        entry = whole_shard(folder, shard_name(data, shard))
        return kept(entry) if entry else write_shard(folder, world=world, data=data, shard=shard)


@task(name="write-manifest", **retried())
def complete_dataset(home: Home, world: WorldConfig, data: DataConfig, shards: Sequence[ShardEntry]) -> Dataset:
    """Write the manifest over `shards`. From now on the data set is complete."""
    artifact = dataset_artifact(world, data)
    dataset = Dataset(artifact.folder(home), artifact.digest)
    with artifact.lock(home):
        before = None
        with suppress(ManifestError):  # there is none yet, or it is damaged
            before = dataset.manifest()
        manifest = write_manifest(
            dataset.folder, digest=dataset.digest, source=WorldSource(world=world, data=data), shards=shards
        )
    return kept(dataset) if manifest == before else dataset
