"""What a scan finds: items to import, and files that cannot be imported with the reason."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp")
"""Endings of the names of video files, in lower case."""
LONGEST_TEXT = 2**22
"""Bytes of the largest text or JSON file that is read as captions."""

Kind = Literal[
    "no caption",
    "no video",
    "damaged",
    "too short",
    "too small",
    "too large",
    "wrong split",
    "outside the folder",
    "not readable",
    "duplicate",
]
"""What is wrong with a file, in a word or two. The summary counts the kinds."""


class ImportFolderError(ValueError):
    """Nothing can be imported from a source. The message says which file is wrong, and what to do."""


class UnusableError(ValueError):
    """One file cannot become clips.

    Args:
        kind: the kind of the reason.
        reason: goes on after the file's name, for example "has no caption. ...".
    """

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind: Kind = kind


@dataclass(frozen=True, slots=True)
class Item:
    """One video to import. Items are small, and JSON holds all of them.

    A video in a tar file stands there as the plain bytes from `offset` on. A video in a Parquet file is a value.
    """

    file: str
    """Path relative to the folder, with forward slashes."""
    captions: tuple[str, ...]
    """One or more different captions."""
    split: str = ""
    """train, validation, test, or empty if the split is not decided yet."""
    member: str = ""
    """Name inside the tar file."""
    offset: int = 0
    """Bytes of the tar file before the video."""
    size: int = 0
    """Bytes of the video inside the tar file."""
    row: int = -1
    """Row in the Parquet file, from 0."""

    @property
    def name(self) -> str:
        """How people find the video: `a/b.mp4`, `part.tar/0001.mp4` or `part.parquet/17`."""
        return (
            f"{self.file}/{self.member}" if self.member else f"{self.file}/{self.row}" if self.row >= 0 else self.file
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is not imported."""

    file: str
    """The name of the item, or of the file or line that led to none."""
    kind: Kind
    reason: str
    """A sentence without its subject, which is the file: "has no caption. ..."."""


def inside(root: Path, file: str) -> Path:
    """Return the path of a regular file in the folder `root`. Links are followed only if they stay inside.

    Args:
        root: the folder, without links in its path: what `Path.resolve` returns.
        file: a path relative to `root`.

    Raises:
        UnusableError: `file` is absolute, leads out of the folder, does not exist, or is a pipe or device.
    """
    try:
        path = os.path.realpath(os.path.join(root, file))  # noqa: PTH118
        if file.startswith(("/", "\\")) or not path.startswith(os.path.join(root, "")):  # noqa: PTH118
            raise UnusableError("outside the folder", "leads out of the folder. Copy the video into the folder.")
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            raise UnusableError("no video", "is no regular file. Name a video file.")
    except FileNotFoundError as error:
        raise UnusableError("no video", "does not exist. Correct the name, or add the video.") from error
    except OSError as error:
        reason = f"cannot be opened ({error.strerror}). Check the name and its permissions."
        raise UnusableError("not readable", reason) from error
    except ValueError as error:
        if isinstance(error, UnusableError):
            raise
        raise UnusableError("no video", "is no file name, because of a character in it. Correct it.") from error
    return Path(path)
