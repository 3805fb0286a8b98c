"""The manifest of a data set. It is written last, so a folder that holds a manifest holds a complete data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.clip_batch import SPLIT_NAMES, SplitName
from data.clip_format import ClipFormat
from data.files import DamagedShardError, write_atomically
from data.shards.entry import ShardEntry, entry_path, verify_shard
from data.shards.sources import ImportSource, Source, WorldSource
from data.subject import Subject

MANIFEST_NAME = "manifest.json"


class ManifestError(ValueError):
    """A folder holds no data set, or its manifest cannot be used. The message says why and what to do."""


class Manifest(BaseModel):
    """What a data set consists of. It holds no path, so the folder can be moved and copied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[2] = Field(2, description="Version of this file's layout.")
    digest: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="sha256 (hex) of everything that decides the clips: configuration and code. It is the identity of "
        "the data set.",
    )
    clip: ClipFormat
    splits: dict[SplitName, int] = Field(description="Number of clips per split.")
    source: Source
    shards: tuple[ShardEntry, ...]

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        expected = 0
        for shard in self.shards:
            if shard.first_index != expected:
                raise ValueError(f"the shard {shard.name} begins with clip {shard.first_index} instead of {expected}")
            expected += shard.rows
        if self.rows != sum(self.splits.values()):
            raise ValueError(f"the shards hold {self.rows} clips, and the splits {sum(self.splits.values())}")
        if isinstance(self.source, WorldSource):
            data = self.source.data
            if len(self.shards) != data.shards or expected != data.clips:
                raise ValueError(
                    f"there are {len(self.shards)} shards with {expected} clips, but the configuration asks for "
                    f"{data.shards} shards with {data.clips} clips"
                )
        return self

    @property
    def rows(self) -> int:
        """Number of clips in the data set."""
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Size of all shards together."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def subject(self) -> Subject:
        """What a model learns from the clips."""
        return self.source.subject


def write_manifest(
    folder: Path, *, source: WorldSource | ImportSource, shards: Sequence[ShardEntry], digest: str
) -> Manifest:
    """Complete the data set in `folder`, and remove the shards' own entries, which the manifest now holds.

    Args:
        folder: holds the shards.
        source: where the clips come from.
        shards: the entries of all shards, in any order.
        digest: identity of the data set, a sha256 (hex). The caller computes it from configuration and code.

    Raises:
        ValidationError: shards are missing or do not fit together.
        StorageError: the folder cannot be written to, or the disk is full.
    """
    ordered = tuple(sorted(shards, key=lambda shard: shard.first_index))
    counts: Counter[SplitName] = Counter()
    for shard in ordered:
        counts.update(shard.splits)
    splits = {name: counts[name] for name in SPLIT_NAMES if counts[name]}
    manifest = Manifest(digest=digest, clip=source.subject.format, splits=splits, source=source, shards=ordered)
    content = (manifest.model_dump_json(indent=2) + "\n").encode()
    path = folder / MANIFEST_NAME
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)
    for entry in ordered:
        entry_path(folder / entry.name).unlink(missing_ok=True)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the data set in `folder`.

    Raises:
        ManifestError: there is no manifest, or it is damaged or of another version.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ManifestError(
            f"{folder} holds no complete data set: {MANIFEST_NAME} is missing. Make the data set again."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file as a whole"
        raise ManifestError(
            f"The manifest {path} cannot be used ({where}: {first['msg']}). Make the data set again."
        ) from error


def whole_shard(folder: Path, name: str) -> ShardEntry | None:
    """Return the entry of the shard `name`, if the shard is there and whole; None if it has to be made.

    The entry comes from the manifest, or from the file that `write_shard` left beside the shard. A data set whose
    making was interrupted therefore continues with the shards that it lacks.
    """
    path = folder / name
    known = list[ShardEntry]()
    with suppress(ManifestError, FileNotFoundError):
        written = (folder / MANIFEST_NAME).stat().st_mtime_ns
        if found := _entries(folder, written).get(path.name):
            known.append(found)
    with suppress(FileNotFoundError, ValidationError):
        known.append(ShardEntry.model_validate_json(entry_path(path).read_bytes()))
    for entry in known:
        with suppress(DamagedShardError):
            verify_shard(folder, entry)
            return entry
    return None


@lru_cache(maxsize=1)
def _entries(folder: Path, written: int) -> dict[str, ShardEntry]:
    """The shards in the manifest of `folder` by name. `written`, its time stamp, tells one manifest from the next."""
    return {entry.name: entry for entry in read_manifest(folder).shards}
