"""Results that know what they point at: a reference checks its files whenever it is read back.

A cached path is a trap, for the cache still hits once the file is gone or damaged. These references raise as Prefect
reads them from its result storage; Prefect takes that for a miss and runs the task again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.files import sha256_of
from data.shards.entry import ShardEntry
from data.shards.manifest import Manifest, read_manifest


class StaleReferenceError(ValueError):
    """A referenced file is gone, or is not what it was. Says which."""


class FileReference(BaseModel):
    """A file with its size and hash. Raises as it is made where the file is gone, or has another size or hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="Absolute path.")
    bytes: int = Field(ge=0, description="Size in bytes.")
    sha256: str = Field(description="sha256 (hex) of the bytes.")

    @classmethod
    def of(cls, path: Path) -> FileReference:
        """A reference to the file as it is now."""
        return cls(path=path, bytes=path.stat().st_size, sha256=sha256_of(path))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.path.is_file():
            raise StaleReferenceError(f"{self.path} is gone")
        size = self.path.stat().st_size
        if size != self.bytes:
            raise StaleReferenceError(f"{self.path} has {size} bytes, not {self.bytes}")
        if sha256_of(self.path) != self.sha256:
            raise StaleReferenceError(f"{self.path} has another sha256 than when it was written")
        return self

    def content_key(self) -> str:
        """What a cache key holds of this reference: the content, not the place."""
        return self.sha256


class ShardReference(BaseModel):
    """A shard on disk, with its line of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: FileReference
    entry: ShardEntry

    def content_key(self) -> str:
        """The shard's name and content."""
        return f"{self.entry.name} {self.file.sha256}"


class DatasetReference(BaseModel):
    """A complete data set: the hash of its manifest stands for all shards, whose hashes it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(description="Absolute path of the folder with shards and manifest.")
    manifest_file: FileReference

    def content_key(self) -> str:
        """The manifest's content, and through it the shards'."""
        return self.manifest_file.sha256

    def manifest(self) -> Manifest:
        """The manifest, read from disk."""
        return read_manifest(self.folder)


class CheckpointReference(BaseModel):
    """The final checkpoint of a training, or any other that is to be evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(description="Absolute path of the checkpoint folder.")
    digest: str = Field(description="sha256 (hex) of what determines the model's samples.")
    run_id: str | None = Field(None, description="MLflow run of the training, if there is one.")
    files: tuple[FileReference, ...] = Field(description="The files that must be there to load the model.")

    def content_key(self) -> str:
        """The model, wherever it lies."""
        return self.digest


class EvaluationReference(BaseModel):
    """A finished evaluation: its folder with the report and the videos."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(description="Absolute path of the evaluation's folder.")
    digest: str = Field(description="Hash of the model, the world, the config and the code of the evaluation.")
    files: tuple[FileReference, ...] = Field(description="Every file of the folder.")

    def content_key(self) -> str:
        """The evaluation's digest."""
        return self.digest


def references_to(files: Iterable[Path]) -> tuple[FileReference, ...]:
    """References to `files` as they are now, in the order of their names."""
    return tuple(FileReference.of(path) for path in sorted(files))
