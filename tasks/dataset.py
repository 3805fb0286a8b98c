"""Tasks that make a data set: one task a shard, and one that writes the manifest once all shards are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task

from data.home import Home
from data.shards.config import DataConfig
from data.shards.manifest import MANIFEST_NAME, write_manifest
from data.shards.shard import write_shard
from data.worlds.world import WorldConfig
from tasks.cache.code_digest import code_digest
from tasks.cache.policy import cached_by, content_hash, retried
from tasks.cache.references import DatasetReference, FileReference, ShardReference

SHARD_CODE = "data.shards.shard"
MANIFEST_CODE = "data.shards.manifest"


def dataset_folder(home: Home, world: WorldConfig, data: DataConfig) -> Path:
    """Where the clips of `world` and `data` lie: named by all that determines the shards' bytes."""
    return home.datasets / dataset_digest(world, data)[:16]


def dataset_digest(world: WorldConfig, data: DataConfig) -> str:
    """The identity of the data set of `world` and `data`: a sha256 (hex) of both, and of the code that makes it."""
    return content_hash([world, data, code_digest(SHARD_CODE)])


@task(name="generate-shard", task_run_name="shard {shard}", **cached_by(SHARD_CODE), **retried())
def generate_shard(home: Home, world: WorldConfig, data: DataConfig, shard: int) -> ShardReference:
    """Makes the clips of shard number `shard` (from 0) and writes them."""
    folder = dataset_folder(home, world, data)
    entry = write_shard(folder, world=world, data=data, shard=shard)
    return ShardReference(file=FileReference.of(folder / entry.name), entry=entry)


@task(name="write-manifest", **cached_by(MANIFEST_CODE), **retried())
def finish_dataset(
    home: Home, world: WorldConfig, data: DataConfig, shards: Sequence[ShardReference]
) -> DatasetReference:
    """Writes the manifest over `shards`: from now on the data set counts as complete."""
    folder = dataset_folder(home, world, data)
    entries = [shard.entry for shard in shards]
    write_manifest(folder, world=world, data=data, shards=entries, digest=dataset_digest(world, data))
    return DatasetReference(folder=folder, manifest_file=FileReference.of(folder / MANIFEST_NAME))
