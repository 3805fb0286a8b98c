"""A batch of imported videos as one shard, with a record of what became of each video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.clip_batch import ClipBatch, Origin, SplitName
from data.files import write_atomically
from data.importing.batch import ImportedVideo, import_batch
from data.importing.config import ImportConfig
from data.importing.duplicates import WORDS
from data.importing.item import Item, Rejected
from data.importing.summary import VideoRecord, record_of
from data.shards.entry import ShardEntry
from data.shards.shard import write_clips
from data.shards.sources import import_layout

BATCH_ITEMS = 256
"""Videos per batch, and so per shard."""
BATCHES = "batches"
"""Folder of the batches' records, in the folder of the data set."""
_ROWS = 256  # clips of a row group
_INDICES = 2 * 10**6  # indices that a batch may use: more than 256 videos can have clips


class ImportedBatch(BaseModel):
    """What became of the videos of one batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry: ShardEntry | None = Field(description="The shard; None if no video of the batch became a clip.")
    videos: tuple[VideoRecord, ...]
    rejected: tuple[Rejected, ...]
    fingerprints: tuple[str, ...] = Field(description="One per clip: the 18 numbers of 64 bits as 288 hex digits.")

    def prints(self) -> NDArray[np.uint64]:
        """What the clips look like, uint64 (N, 18), see `data.importing.duplicates.fingerprints`."""
        return np.frombuffer(bytes.fromhex("".join(self.fingerprints)), dtype=np.uint64).reshape(-1, WORDS)


def write_batch(folder: Path, *, root: Path, items: Sequence[Item], number: int, config: ImportConfig) -> ImportedBatch:
    """Decode the videos of a batch, and write their clips to the shard of that number in `folder`.

    The batch's record is written last, for `read_batch`.

    Args:
        folder: of the data set. It is created if it is missing.
        root: the folder of the scan.
        items: at most `BATCH_ITEMS` items of the scan, each with its split.
        number: of the batch, from 0.
        config: as for the scan.

    Raises:
        StorageError: the folder cannot be written to, or the disk is full.
    """
    videos: list[VideoRecord] = []
    rejected: list[Rejected] = []
    prints: list[str] = []

    def accepted() -> Iterator[ImportedVideo]:
        for result in import_batch(root, items, config):
            if isinstance(result, Rejected):
                rejected.append(result)
                continue
            videos.append(record_of(result))
            prints.extend(row.tobytes().hex() for row in result.fingerprints)
            yield result

    first = next(found := accepted(), None)
    entry = None
    if first is not None:
        batches = _clips(chain([first], found), first_index=number * _INDICES)
        entry = write_clips(folder / f"clips-{number:05d}.parquet", batches, import_layout(config), first_index=0)
    batch = ImportedBatch(entry=entry, videos=tuple(videos), rejected=tuple(rejected), fingerprints=tuple(prints))
    write_atomically(_record_path(folder, number), batch.model_dump_json().encode())
    return batch


def read_batch(folder: Path, number: int) -> ImportedBatch | None:
    """The record of a batch that was written before; None if there is none, or it is damaged."""
    try:
        return ImportedBatch.model_validate_json(_record_path(folder, number).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def placed(batches: Iterable[ImportedBatch]) -> tuple[ShardEntry, ...]:
    """The entries of the batches' shards, one behind the other, in the order of the batches."""
    entries, rows = [], 0
    for batch in batches:
        if batch.entry is not None:
            entries.append(batch.entry.model_copy(update={"first_index": rows}))
            rows += batch.entry.rows
    return tuple(entries)


def captions_by_split(batches: Iterable[ImportedBatch]) -> dict[SplitName, list[str]]:
    """All captions of the videos in each split, in order."""
    found: dict[SplitName, list[str]] = {"train": [], "validation": [], "test": []}
    for batch in batches:
        for video in batch.videos:
            found[cast(SplitName, video.split)].extend(video.captions)
    return found


def _record_path(folder: Path, number: int) -> Path:
    return folder / BATCHES / f"{number:05d}.json"


def _clips(videos: Iterable[ImportedVideo], *, first_index: int) -> Iterator[ClipBatch]:
    """The clips of videos, about `_ROWS` at a time."""
    waiting: list[ImportedVideo] = []
    counts: Counter[str] = Counter()
    for video in videos:
        waiting.append(video)
        counts["waiting"] += len(video.clips.starts)
        if counts["waiting"] >= _ROWS:
            yield _joined(waiting, first_index + counts["written"])
            counts["written"] += counts.pop("waiting")
            waiting = []
    if waiting:
        yield _joined(waiting, first_index + counts["written"])


def _joined(videos: Sequence[ImportedVideo], first_index: int) -> ClipBatch:
    frames = np.concatenate([video.clips.frames for video in videos])
    each = [(video.item, start) for video in videos for start in video.clips.starts]
    return ClipBatch(
        indices=np.arange(first_index, first_index + len(frames), dtype=np.int64),
        frames=frames,
        captions=tuple(item.captions for item, _ in each),
        splits=tuple(cast(SplitName, item.split) for item, _ in each),
        origins=tuple(Origin(item.name, start) for item, start in each),
    )
