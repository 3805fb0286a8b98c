"""What is recorded about one shard, and the check of a shard against its record."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from data.clip_batch import SplitName
from data.files import DamagedShardError, sha256_of


class ShardEntry(BaseModel):
    """The record of one shard: a line of the manifest, or a file of its own until there is a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="File name in the folder of the data set.")
    rows: int = Field(ge=1, description="Number of clips in the shard.")
    splits: dict[SplitName, int] = Field(description="Number of clips per split.")
    first_index: int = Field(ge=0, description="Place of the first clip in the data set. The others follow.")
    bytes: int = Field(ge=1, description="Size of the file.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 (hex) of the file.")


def entry_path(shard: Path) -> Path:
    """Return where the entry of the shard at the path `shard` is kept until the manifest is written."""
    return shard.with_name(f"{shard.name}.json")


def verify_shard(folder: Path, entry: ShardEntry) -> None:
    """Check that the shard exists and holds exactly the bytes that were written.

    Raises:
        DamagedShardError: the shard is missing, or its size or sha256 differs from the entry.
    """
    path = folder / entry.name
    try:
        size = path.stat().st_size
        digest = sha256_of(path) if size == entry.bytes else ""
    except OSError as error:
        raise unreadable_shard(path, error) from error
    check_shard(path, entry, size=size, digest=digest)


def check_shard(path: Path, entry: ShardEntry, *, size: int, digest: str) -> None:
    """Compare the size (bytes) and the sha256 (hex) of a shard that was read with its entry.

    Raises:
        DamagedShardError: one of them differs.
    """
    if size != entry.bytes:
        raise DamagedShardError(
            f"The shard {path} has {size} bytes instead of {entry.bytes}. Delete it and make the data set again."
        )
    if digest != entry.sha256:
        raise DamagedShardError(
            f"The shard {path} is damaged: its sha256 begins with {digest[:12]} instead of {entry.sha256[:12]}. "
            "Delete it and make the data set again."
        )


def unreadable_shard(path: Path, error: OSError) -> DamagedShardError:
    """Return the error for a shard that the operating system does not let us read."""
    return DamagedShardError(f"The shard {path} cannot be read ({error.strerror}). Make the data set again.")
