"""The manifest of a data set: written last, so a folder that has one is complete."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.files import DamagedShardError, sha256_of, write_atomically
from data.shards.shard import DataConfig, ShardEntry, dataset_fingerprint
from data.worlds.world import WorldConfig

MANIFEST_NAME = "manifest.json"


class ManifestError(ValueError):
    """A folder holds no data set, or its manifest cannot be used; the message says why and what to do."""


class Manifest(BaseModel):
    """What a data set is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(1, description="Version of this file's layout.")
    fingerprint: str = Field(description="sha256 (hex) of what determines the clips.")
    world: WorldConfig
    data: DataConfig
    shards: tuple[ShardEntry, ...]

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        expected = 0
        for shard in self.shards:
            if shard.first_index != expected:
                raise ValueError(f"the shard {shard.name} begins with clip {shard.first_index}, not {expected}")
            expected += shard.rows
        if len(self.shards) != self.data.shards or expected != self.data.clips:
            raise ValueError(
                f"{len(self.shards)} shards with {expected} clips; the config: {self.data.shards}, {self.data.clips}"
            )
        if self.fingerprint != dataset_fingerprint(self.world, self.data):
            raise ValueError("the fingerprint does not belong to the world and the data's config")
        return self

    @property
    def rows(self) -> int:
        """Clips in the data set."""
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Size of all shards."""
        return sum(shard.bytes for shard in self.shards)


def write_manifest(folder: Path, *, world: WorldConfig, data: DataConfig, shards: Sequence[ShardEntry]) -> Manifest:
    """Complete the data set in `folder`: `shards` are all that `write_shard` returned, in any order.

    Raises:
        ValidationError: shards are missing or do not fit together.
        StorageError: the folder cannot be written to, or the disk is full.
    """
    manifest = Manifest(
        fingerprint=dataset_fingerprint(world, data),
        world=world,
        data=data,
        shards=tuple(sorted(shards, key=lambda shard: shard.first_index)),
    )
    write_atomically(folder / MANIFEST_NAME, (manifest.model_dump_json(indent=2) + "\n").encode())
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the data set in `folder`.

    Raises:
        ManifestError: there is none, or it is damaged or of another version.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ManifestError(
            f"{folder} holds no complete data set: {MANIFEST_NAME} is missing. Generate the data again."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ManifestError(
            f"The manifest {path} cannot be used ({where}: {first['msg']}). Generate the data again."
        ) from error


def verify_shard(folder: Path, entry: ShardEntry) -> None:
    """Check that the shard is there and is, byte by byte, the one that was written.

    Raises:
        DamagedShardError: it is missing, or its size or sha256 differ.
    """
    path = folder / entry.name
    try:
        size = path.stat().st_size
        digest = sha256_of(path) if size == entry.bytes else ""
    except OSError as error:
        raise DamagedShardError(
            f"The shard {path} cannot be read ({error.strerror}). Generate the data again."
        ) from error
    check_shard(path, entry, size=size, digest=digest)


def check_shard(path: Path, entry: ShardEntry, *, size: int, digest: str) -> None:
    """Compare what was read of a shard with its line in the manifest.

    Raises:
        DamagedShardError: size (bytes) or digest (sha256, hex) differ.
    """
    if size != entry.bytes:
        raise DamagedShardError(
            f"The shard {path} has {size} bytes instead of {entry.bytes}. Delete it and generate the data again."
        )
    if digest != entry.sha256:
        raise DamagedShardError(
            f"The shard {path} is damaged: its sha256 begins with {digest[:12]} instead of {entry.sha256[:12]}. "
            "Delete it and generate the data again."
        )
