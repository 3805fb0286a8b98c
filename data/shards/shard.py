"""Writing and reading one shard. Any worker can make any shard of a data set, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from data.clip_batch import ClipBatch, SplitName
from data.files import atomic_path, sha256_of, write_atomically
from data.shards.config import SUFFIXES, DataConfig, shard_indices, shard_name
from data.shards.entry import ShardEntry, entry_path
from data.shards.layout import ShardLayout, world_layout
from data.shards.parquet import read_parquet, write_parquet
from data.shards.webdataset import read_webdataset, write_webdataset
from data.worlds.clips import stream_clips
from data.worlds.world import WorldConfig

_BATCH_CLIPS = 256  # the most clips that are made at a time, and the rows of a Parquet row group
_BATCH_BYTES = 32 * 2**20  # the most bytes of frames at a time, so that large frames do not fill the memory


def write_shard(folder: Path, *, world: WorldConfig, data: DataConfig, shard: int) -> ShardEntry:
    """Make the clips of one shard and write them to `folder`, which is created if it is missing.

    The same arguments give the same bytes. The shard appears at its path in one step, so no reader sees half of it. Its
    entry is written beside it, for `data.shards.manifest.whole_shard`.

    Raises:
        IndexError: there is no such shard.
        StorageError: the folder cannot be written to, or the disk is full.
    """
    indices = shard_indices(data, shard)
    size = max(1, min(_BATCH_CLIPS, _BATCH_BYTES // world.format.bytes))
    batches = stream_clips(world, seed=data.seed, indices=np.arange(indices.start, indices.stop), size=size)
    path = folder / shard_name(data, shard)
    entry = write_clips(path, batches, world_layout(world, data), first_index=indices.start)
    write_atomically(entry_path(path), entry.model_dump_json().encode())
    return entry


def write_clips(path: Path, batches: Iterable[ClipBatch], layout: ShardLayout, *, first_index: int) -> ShardEntry:
    """Write clips that exist already as one shard. Its first clip has the index `first_index`.

    Raises:
        StorageError: the folder cannot be written to, or the disk is full.
    """
    counts: Counter[SplitName] = Counter()

    def counted() -> Iterator[ClipBatch]:
        for batch in batches:
            counts.update(batch.splits)
            yield batch

    with atomic_path(path) as temporary:
        if layout.format == "parquet":
            write_parquet(temporary, counted(), layout)
        else:
            write_webdataset(temporary, counted())
        size, digest = temporary.stat().st_size, sha256_of(temporary)
    return ShardEntry(
        name=path.name, rows=counts.total(), splits=counts, first_index=first_index, bytes=size, sha256=digest
    )


def read_clips(path: Path) -> Iterator[ClipBatch]:
    """Read everything that the shard at `path` holds, some hundred clips at a time. Its name tells its format.

    Raises:
        DamagedShardError: the shard cannot be decoded.
    """
    return read_parquet(path) if path.suffix == SUFFIXES["parquet"] else read_webdataset(path)
