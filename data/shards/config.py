"""How many clips a data set has, how they are stored, and which clips go into which shard."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ShardFormat = Literal["parquet", "webdataset"]
Compression = Literal["zstd", "lz4"]

SUFFIXES: dict[ShardFormat, str] = {"parquet": ".parquet", "webdataset": ".tar"}


class DataConfig(BaseModel):
    """How many clips of a world to make, and how to store them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clips: int = Field(10_000, ge=1, le=100_000_000, description="Clips in the data set, 1 or more.")
    shards: int = Field(
        8, ge=1, le=100_000, description="Files that the data set is cut into, from 1 to the number of clips."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of all random draws of the clips, 0 or more.")
    format: ShardFormat = Field(
        "parquet", description="parquet: small and quick to read. webdataset: tar files of PNG filmstrips."
    )
    compression: Compression = Field(
        "zstd", description="Codec of Parquet shards. zstd: smallest. lz4: quicker to read with other tools."
    )

    @model_validator(mode="after")
    def _check(self) -> DataConfig:
        if self.shards > self.clips:
            raise ValueError(
                f"{self.shards} shards are more than {self.clips} clips; choose at most {self.clips} shards"
            )
        return self


def shard_indices(data: DataConfig, shard: int) -> range:
    """Return the indices of the clips in `shard`. The sizes of two shards differ by at most one clip.

    Raises:
        IndexError: there is no such shard.
    """
    if not 0 <= shard < data.shards:
        raise IndexError(f"There is no shard {shard}; the data set has the shards 0 to {data.shards - 1}.")
    return range(data.clips * shard // data.shards, data.clips * (shard + 1) // data.shards)


def shard_name(data: DataConfig, shard: int) -> str:
    """Return the file name of `shard`, counted from 0, for example `clips-00003-of-00008.parquet`."""
    return f"clips-{shard:05d}-of-{data.shards:05d}{SUFFIXES[data.format]}"
