"""Parquet files with captions, and a video per row: an encoded file, encoded pictures, or raw frames.

The video column is the first of these kinds:

* binary, or a struct with a field `bytes` as Hugging Face writes it: the content of a video file,
* a list of binaries or of such structs: one encoded picture (PNG, JPEG, ...) per frame,
* nested lists of uint8: (T, H, W, 3) or gray (T, H, W),
* binary whose field has the metadata `shape` and `axes`, as this project's own shards: raw uint8.

Pictures and raw frames follow each other at the rate in the column `fps`, or else at the rate of the clips.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from data.importing.captions import captions_of
from data.importing.config import ImportConfig
from data.importing.item import Item, Rejected, UnusableError
from data.importing.metadata import caption_column, check_split_column, split_named
from data.importing.pictures import Frames, check_size, on_white

_ROWS = 8  # rows decoded at a time, so that memory holds only a few videos
_RATE = "fps"
_OTHER_TEXTS = ("key", "path", "file_name", "motion", "shape", "colour")  # never captions


def scan_parquet(path: Path, file: str, config: ImportConfig) -> tuple[list[Item], list[Rejected]]:
    """List the rows of a Parquet file with their captions. The videos are not read.

    Args:
        path: the Parquet file.
        file: its name for the items.
        config: column names.

    Raises:
        UnusableError: the file cannot be read, or has no column with videos or none with captions.
    """
    items: list[Item] = []
    rejected: list[Rejected] = []
    with _opened(path) as table:
        schema = table.schema_arrow
        video = _video_field(schema).name
        texts = [field.name for field in schema if _holds_text(field.type)]
        caption = caption_column(texts, config, other_than=(video, config.split_column, *_OTHER_TEXTS))
        check_split_column(schema.names, config)
        columns = [caption, config.split_column] if config.split_column else [caption]
        for batch in table.iter_batches(columns=columns):
            for values in batch.to_pylist():
                row = len(items) + len(rejected)
                try:
                    captions = captions_of([values[caption]], longest=config.longest_caption)
                    items.append(Item(file, captions, split=split_named(values.get(config.split_column)), row=row))
                except UnusableError as error:
                    rejected.append(Rejected(f"{file}/{row}", error.kind, str(error)))
    return items, rejected


@dataclass(frozen=True)
class StoredVideo:
    """The video of one row, not decoded yet."""

    value: Any
    field: pa.Field[Any]
    rate: Any

    def content(self) -> bytes | Frames:
        """Return the content of a video file, or its frames.

        Raises:
            UnusableError: the row is empty, or its pictures do not make a video.
        """
        try:
            return self._content()
        except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
            if isinstance(error, UnusableError):
                raise
            raise UnusableError("damaged", f"has a video that cannot be read ({error}). Store it again.") from error

    def _content(self) -> bytes | Frames:
        if pa.types.is_struct(self.value.type):
            value = self.value["bytes"] if self.value.is_valid else self.value
        else:
            value = self.value
        if not value.is_valid:
            raise UnusableError("no video", "has no video in its row. Fill it in.")
        if not _is_list(value.type):
            content: bytes = value.as_py()
            if not content:
                raise UnusableError("damaged", "is empty: it has 0 bytes. Store it again.")
            layout = self.field.metadata or {}
            return self._moving(_raw(content, layout)) if b"shape" in layout else content
        inner = value.values
        return self._moving(_nested(inner) if _is_list(inner.type) else _pictures(inner.to_pylist()))

    def _moving(self, pictures: NDArray[np.uint8]) -> Frames:
        if pictures.ndim == 3:
            pictures = np.repeat(pictures[..., None], 3, axis=-1)
        if pictures.ndim != 4 or pictures.shape[-1] != 3 or not pictures.size:
            raise UnusableError("no video", f"has frames of the shape {pictures.shape}, not (T, H, W, 3) or (T, H, W).")
        if self.rate is not None and not 0 < self.rate < 1000:
            raise UnusableError("no video", f"has {self.rate} frames per second. Correct the column {_RATE}.")
        return Frames(pictures, None if self.rate is None else float(self.rate))


def read_rows(path: Path, rows: Iterable[int]) -> Iterator[StoredVideo]:
    """Yield the videos of some rows, ascending numbers from 0. Memory holds a few rows at a time.

    Raises:
        UnusableError: the file cannot be read any more.
    """
    wanted = set(rows)
    with _opened(path) as table:
        field = _video_field(table.schema_arrow)
        columns = [field.name] + ([_RATE] if _RATE in table.schema_arrow.names else [])
        first = 0
        for group in range(table.num_row_groups):
            end = first + table.metadata.row_group(group).num_rows
            if not wanted.isdisjoint(range(first, end)):
                for batch in table.iter_batches(batch_size=_ROWS, row_groups=[group], columns=columns):
                    for row in sorted(wanted & set(range(first, first + len(batch)))):
                        rate = batch.column(_RATE)[row - first].as_py() if len(columns) > 1 else None
                        yield StoredVideo(batch.column(field.name)[row - first], field, rate)
                    first += len(batch)
            first = end


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as table:
            yield table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnusableError("damaged", f"cannot be read as Parquet ({error}). Copy or download it again.") from error


def _video_field(schema: pa.Schema) -> pa.Field[Any]:
    for field in schema:
        if _holds_video(field.type):
            return field
    raise UnusableError(
        "no video",
        f"has no column with videos; it has {', '.join(schema.names) or 'none'}. Store the content of video files as "
        "binary values, or frames as lists.",
    )


def _holds_video(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    if _is_list(kind):
        inner = kind.value_type
        return _holds_video(inner) or (_is_list(inner) and _is_list(inner.value_type))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _holds_text(kind: Any) -> bool:
    if _is_list(kind):
        return _holds_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _raw(content: bytes, metadata: Mapping[bytes, bytes]) -> NDArray[np.uint8]:
    shape = tuple(json.loads(metadata[b"shape"]))
    if len(content) != math.prod(shape):
        raise UnusableError(
            "damaged", f"has {len(content)} bytes of frames, and the shape {shape} needs {math.prod(shape)}."
        )
    planes = np.frombuffer(content, np.uint8).reshape(shape)
    return planes.transpose(0, 2, 3, 1) if metadata.get(b"axes", b"").startswith(b"frame, channel") else planes


def _nested(array: Any) -> NDArray[np.uint8]:
    """Frames from lists in lists: rows of one picture, pixels of one row, channels of one pixel."""
    shape = [len(array)]
    while _is_list(array.type):
        lengths = pc.unique(pc.list_value_length(array)).to_pylist()
        if len(lengths) != 1 or not lengths[0]:
            raise UnusableError("damaged", "has frames of different sizes, or empty ones. Give all frames one size.")
        shape.append(lengths[0])
        array = array.flatten()
    values = np.asarray(array)
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 255:
        raise UnusableError("damaged", f"has frames of the type {array.type}. Store whole numbers from 0 to 255.")
    return values.astype(np.uint8).reshape(shape)


def _pictures(values: list[Any]) -> NDArray[np.uint8]:
    pictures = []
    for value in values:
        content = value.get("bytes") if isinstance(value, dict) else value
        try:
            with Image.open(io.BytesIO(content or b"")) as picture:
                check_size(*picture.size)
                pictures.append(on_white(picture))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            if isinstance(error, UnusableError):
                raise
            raise UnusableError("damaged", f"has a frame that is no picture, number {len(pictures)}.") from error
    if len({picture.shape for picture in pictures}) > 1:
        raise UnusableError("damaged", "has frames of different sizes. Give all frames one size.")
    return np.stack(pictures) if pictures else np.zeros((0, 0, 0, 3), np.uint8)
