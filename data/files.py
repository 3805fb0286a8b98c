"""Writing files so that they are complete or absent, and the errors for files that are not."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class StorageError(OSError):
    """A file or folder could not be written. The message says which one, why, and what to do."""


class DamagedShardError(ValueError):
    """A shard is missing, differs from its record, or cannot be decoded. The message names the shard."""


def sha256_of(path: Path) -> str:
    """Return the sha256 (hex) of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to. It becomes `path` when the block ends, and vanishes if it fails.

    Raises:
        StorageError: the folder cannot be created or written to, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        if path.parent.exists() and not path.parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent))
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(
            error.errno,
            f"Could not write {path}: {reason}. Free some space there, or choose a folder that you can write to.",
        ) from error
    finally:
        if temporary.exists():
            temporary.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`. A reader sees the old file or the new one, never a part of it.

    Raises:
        StorageError: see `atomic_path`.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def link_or_copy(names: Iterable[str], *, source: Path, target: Path) -> None:
    """Put files of the folder `source` into the folder `target`, one after the other.

    They become links to the same content where the disk allows it, else copies.

    Raises:
        StorageError: a file cannot be read or written.
    """
    for name in names:
        with atomic_path(target / name) as temporary:
            try:
                temporary.hardlink_to(source / name)
            except OSError:
                shutil.copy2(source / name, temporary)
