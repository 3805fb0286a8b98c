"""Shards: a data set cut into files that any worker can make on its own, in any order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.files import atomic_path, sha256_of
from data.shards.parquet import Compression, read_parquet, write_parquet
from data.shards.webdataset import read_webdataset, write_webdataset
from data.worlds.clips import ClipBatch, stream_clips
from data.worlds.world import WorldConfig

ShardFormat = Literal["parquet", "webdataset"]

SUFFIXES: dict[ShardFormat, str] = {"parquet": ".parquet", "webdataset": ".tar"}
_CHUNK = 256  # clips made at a time at most, and rows of a Parquet row group
_CHUNK_BYTES = 32 * 2**20  # of their frames, so that large pictures do not fill the memory


class DataConfig(BaseModel):
    """How many clips of a world to make, and how to store them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clips: int = Field(10_000, ge=1, le=100_000_000, description="Clips in the data set, 1 or more.")
    shards: int = Field(8, ge=1, le=100_000, description="Files to cut the data set into, 1 to the number of clips.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of all that a clip draws, 0 or more.")
    format: ShardFormat = Field(
        "parquet", description="parquet: small, quick to read. webdataset: tar files of PNG filmstrips."
    )
    compression: Compression = Field(
        "zstd", description="Codec of Parquet shards. zstd: smallest. lz4: quicker to read elsewhere."
    )

    @model_validator(mode="after")
    def _check(self) -> DataConfig:
        if self.shards > self.clips:
            raise ValueError(
                f"{self.shards} shards are more than {self.clips} clips; choose at most {self.clips} shards"
            )
        return self


class ShardEntry(BaseModel):
    """One shard's line in the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="File name inside the data set's folder.")
    rows: int = Field(ge=1, description="Clips in the shard.")
    first_index: int = Field(ge=0, description="Index of its first clip; the others follow without a gap.")
    bytes: int = Field(ge=1, description="Size of the file.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 (hex) of the file.")


def dataset_fingerprint(world: WorldConfig, data: DataConfig) -> str:
    """sha256 (hex) of what determines the clips: world, seed and number; not of how they are stored."""
    text = json.dumps({"world": world.fingerprint, "seed": data.seed, "clips": data.clips}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def shard_indices(data: DataConfig, shard: int) -> range:
    """Indices of the clips in `shard`; sizes of shards differ by one at most.

    Raises:
        IndexError: there is no such shard.
    """
    if not 0 <= shard < data.shards:
        raise IndexError(f"There is no shard {shard}; the data set has the shards 0 to {data.shards - 1}.")
    return range(data.clips * shard // data.shards, data.clips * (shard + 1) // data.shards)


def shard_name(data: DataConfig, shard: int) -> str:
    """File name of `shard`, counting from 0, as in `clips-00003-of-00008.parquet`."""
    return f"clips-{shard:05d}-of-{data.shards:05d}{SUFFIXES[data.format]}"


def write_shard(folder: Path, *, world: WorldConfig, data: DataConfig, shard: int) -> ShardEntry:
    """Make the clips of one shard and write them to `folder`, which is made where it is missing.

    The same arguments give the same bytes; a shard that was there is replaced at once, never seen half written.

    Raises:
        IndexError: there is no such shard.
        StorageError: the folder cannot be written to, or the disk is full.
    """
    indices = shard_indices(data, shard)
    size = max(1, min(_CHUNK, _CHUNK_BYTES // (world.frames * 3 * world.frame_size**2)))
    chunks = stream_clips(world, seed=data.seed, indices=np.arange(indices.start, indices.stop), size=size)
    return write_clips(folder / shard_name(data, shard), chunks, world=world, data=data, first_index=indices.start)


def write_clips(
    path: Path, batches: Iterable[ClipBatch], *, world: WorldConfig, data: DataConfig, first_index: int
) -> ShardEntry:
    """Write clips that exist already as one shard in `data.format`.

    Raises:
        StorageError: the folder cannot be written to, or the disk is full.
    """
    with atomic_path(path) as temporary:
        if data.format == "parquet":
            metadata = {
                "flipbook.data": data.model_dump_json(),
                "flipbook.fingerprint": dataset_fingerprint(world, data),
            }
            rows = write_parquet(temporary, batches, world=world, compression=data.compression, metadata=metadata)
        else:
            rows = write_webdataset(temporary, batches)
        size, digest = temporary.stat().st_size, sha256_of(temporary)
    return ShardEntry(name=path.name, rows=rows, first_index=first_index, bytes=size, sha256=digest)


def read_clips(path: Path) -> Iterator[ClipBatch]:
    """Everything that the shard at `path` holds, some hundred clips at a time; its format follows from its name.

    Raises:
        DamagedShardError: the shard cannot be decoded.
    """
    return read_parquet(path) if path.suffix == SUFFIXES["parquet"] else read_webdataset(path)
