"""One identity per artifact: what a data set, a training, an evaluation is called, and whether it exists.

* The digest is computed here, from the artifact's kind, its configuration, the digests of its inputs, and the code that
  makes it. Equal digests mean equal content, in every home and on every machine.
* The digest names the artifact's folder and its lock, and it is the tag by which MLflow knows the artifact.
* The manifest is written last. It alone says whether the artifact exists and is whole; nothing else is asked.
* Manifest and digest hold no path of the home, so that a home can be moved or copied.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.files import sha256_of, write_atomically
from data.home import Home
from tasks.cache.code_digest import code_digest
from tasks.cache.locks import locked

Kind = Literal["dataset", "training", "evaluation", "curve"]

MANIFEST = "artifact.json"
NAME_LENGTH = 16
"""Hex digits of the digest that name folder and lock: enough to be unique, short enough to be read."""

_logger = logging.getLogger("flipbook.artifacts")


class FileEntry(BaseModel):
    """One file of an artifact, as it was when the manifest was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Path relative to the artifact's folder, with forward slashes.")
    bytes: int = Field(ge=0, description="Size in bytes.")
    sha256: str = Field(description="sha256 (hex) of the content.")


class ArtifactManifest(BaseModel):
    """The content of `artifact.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    digest: str = Field(description="Digest of the artifact, sha256 (hex).")
    files: tuple[FileEntry, ...]


class Artifact(BaseModel):
    """What an artifact is. Two artifacts with equal fields are the same one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    digest: str = Field(description="sha256 (hex) of all that determines the content.")

    @classmethod
    def of(
        cls, kind: Kind, *, config: Mapping[str, object], inputs: Iterable[str] = (), code: Iterable[str] = ()
    ) -> Artifact:
        """Compute the digest of an artifact.

        Args:
            kind: what sort of artifact it is.
            config: pydantic models and JSON values, by name.
            inputs: digests of the artifacts and models that it is made from.
            code: modules in which the code that makes it begins, such as "data.shards.shard".

        Raises:
            TypeError: `config` holds a value that JSON cannot hold.
        """
        identity = {
            "kind": kind,
            "config": {name: _as_json(value) for name, value in config.items()},
            "inputs": list(inputs),
            "code": code_digest(*code),
        }
        text = json.dumps(identity, sort_keys=True)
        return cls(kind=kind, digest=hashlib.sha256(text.encode()).hexdigest())

    @property
    def name(self) -> str:
        """The beginning of the digest, which names the folder and the lock."""
        return self.digest[:NAME_LENGTH]

    def folder(self, home: Home) -> Path:
        """Where the artifact lies in `home`, whether it exists or not."""
        parents = {"dataset": home.datasets, "training": home.checkpoints}
        return parents.get(self.kind, home.evaluations) / self.name

    @contextmanager
    def lock(self, home: Home, part: str = "") -> Iterator[None]:
        """Hold a lock in `home` for the block: no other process makes the artifact, or this `part`, meanwhile."""
        with locked(home, f"{self.name}{part}"):
            yield

    def is_whole(self, home: Home) -> bool:
        """Whether the artifact exists and each of its files is, byte by byte, what was written.

        Logs a warning that names the file where one is missing or damaged.
        """
        folder = self.folder(home)
        try:
            manifest = ArtifactManifest.model_validate_json((folder / MANIFEST).read_bytes())
        except FileNotFoundError:
            return False
        except (ValidationError, OSError) as error:
            _logger.warning("%s is made again: its manifest cannot be read (%s).", folder, type(error).__name__)
            return False
        if (manifest.kind, manifest.digest) != (self.kind, self.digest):
            _logger.warning("%s is made again: its manifest belongs to another artifact.", folder)
            return False
        damaged = next((entry.name for entry in manifest.files if not _is_intact(folder, entry)), None)
        if damaged is not None:
            _logger.warning("%s is made again: %s is missing or damaged.", folder, damaged)
        return damaged is None

    def complete(self, home: Home, files: Iterable[Path]) -> None:
        """Write the manifest over `files`, which lie in the artifact's folder: from now on the artifact exists.

        Raises:
            StorageError: the folder cannot be written, or the disk is full.
        """
        folder = self.folder(home)
        entries = tuple(
            FileEntry(name=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=sha256_of(path))
            for path in sorted(files)
        )
        manifest = ArtifactManifest(kind=self.kind, digest=self.digest, files=entries)
        write_atomically(folder / MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())

    def install(self, home: Home, made: Path) -> Path:
        """Move the folder `made`, which lies on the same disk, to the artifact's place, and complete it.

        What lay there before is deleted. Returns the artifact's folder.
        """
        folder = self.folder(home)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
        self.complete(home, [path for path in folder.rglob("*") if path.is_file()])
        return folder


def _is_intact(folder: Path, entry: FileEntry) -> bool:
    path = folder / entry.name
    return path.is_file() and path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256


def _as_json(value: object) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value
