"""The bytes of items: in files of their own, in tars, and in Parquet files."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from data.importing.item import Item, UnusableError, inside
from data.importing.parquet import read_rows
from data.importing.pictures import Frames

LARGEST_MEMBER = 2**31
"""Bytes of the largest video in a tar or Parquet file. It is read into memory."""
_IN_MEMORY = 2**24  # bytes of a file that is read at once, so that the disk is read once for the digest and the decoder

_PASSING = {errno.ESTALE, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT, errno.EAGAIN}

Content = Path | bytes | Frames


def contents(root: Path, items: Sequence[Item]) -> Iterator[tuple[Item, Content | UnusableError]]:
    """Yield each item with its content, one at a time, in the order of the items.

    The content is bytes, frames, or the path of a large file. It is an `UnusableError` if it cannot be read, so that
    the next item still can.
    """
    root = root.resolve()
    for (file, inner), group in groupby(items, key=lambda item: (item.file, item.row >= 0)):
        same = list(group)
        if inner:
            yield from _rows(root, file, same)
        else:
            for item in same:
                try:
                    yield item, _bytes(root, item)
                except UnusableError as error:
                    yield item, error


def digest(content: Content) -> str:
    """Return the sha256 (hex) of what a video consists of.

    Raises:
        UnusableError: the file cannot be read.
    """
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    if isinstance(content, Frames):
        header = f"{content.pictures.shape} {content.fps}\n".encode()
        return hashlib.sha256(header + content.pictures.tobytes()).hexdigest()
    with _readable(), content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests_of(root: Path, items: Sequence[Item]) -> Iterator[str]:
    """Yield the sha256 (hex) of each item's content. Empty: the item cannot be read."""
    for _, content in contents(root, items):
        try:
            yield "" if isinstance(content, UnusableError) else digest(content)
        except UnusableError:
            yield ""


def _rows(root: Path, file: str, items: list[Item]) -> Iterator[tuple[Item, Content | UnusableError]]:
    left = iter(items)
    problem = UnusableError("damaged", "has fewer rows than before. Import again.")
    try:
        for video in read_rows(inside(root, file), [item.row for item in items]):
            try:
                content: Content | UnusableError = video.content()
            except UnusableError as error:
                content = error
            yield next(left), content
    except UnusableError as error:
        problem = error
    for item in left:
        yield item, problem


def _bytes(root: Path, item: Item) -> Path | bytes:
    path = inside(root, item.file)
    with _readable():
        if not item.member and path.stat().st_size > _IN_MEMORY:
            return path
        if item.size > LARGEST_MEMBER:
            raise UnusableError("too large", f"has {item.size} bytes in a tar file. Extract it, or make it smaller.")
        with path.open("rb") as file:
            file.seek(item.offset)
            content = file.read(item.size if item.member else -1)
    if not content:
        raise UnusableError("damaged", "is empty: it has 0 bytes. Copy or download it again.")
    if len(content) < item.size:
        raise UnusableError("damaged", f"has {len(content)} of its {item.size} bytes. Download the tar file again.")
    return content


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _PASSING:  # the task is tried again: what stands in a batch stays
            raise
        raise UnusableError("not readable", f"cannot be read ({error.strerror}). Check its permissions.") from error
