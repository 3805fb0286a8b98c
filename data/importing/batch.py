"""One batch of items as clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.importing.config import ImportConfig
from data.importing.content import contents, digest
from data.importing.decoding import Clips, decode
from data.importing.duplicates import fingerprints
from data.importing.item import Item, Rejected, UnusableError


@dataclass(frozen=True, slots=True)
class ImportedVideo:
    """A video and its clips."""

    item: Item
    clips: Clips
    content: str
    """sha256 (hex) of the video."""
    fingerprints: NDArray[np.uint64]
    """(N, 18): what the clips look like, see `fingerprints`."""


def import_batch(root: Path, items: Sequence[Item], config: ImportConfig) -> Iterator[ImportedVideo | Rejected]:
    """Decode items, one at a time: memory holds one video's clips.

    Args:
        root: the folder of the scan.
        items: in the order of the scan.
        config: as for the scan.

    Yields:
        For each item its clips, or why there are none, in the order of the items. Nothing that stands in a file raises
        an exception.
    """
    for item, content in contents(root, items):
        try:
            if isinstance(content, UnusableError):
                raise content
            name = digest(content)
            clips = decode(content, config)
            yield ImportedVideo(item, clips, name, fingerprints(clips.frames))
        except UnusableError as error:
            yield Rejected(item.name, error.kind, str(error))
