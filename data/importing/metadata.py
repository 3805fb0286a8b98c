"""Tables of captions as Hugging Face's VideoFolder reads them: `metadata.csv` and `metadata.jsonl`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.clip_batch import SplitName
from data.importing.captions import CAPTION_COLUMNS
from data.importing.config import ImportConfig
from data.importing.item import ImportFolderError, Rejected, UnusableError

METADATA = ("metadata.csv", "metadata.jsonl")
_FILE_NAME = "file_name"
_TOO_MANY = "\0"  # the key of values beyond the last column
_SPLITS: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table that names a file. `captions` are its values as they stand there."""

    file: str
    captions: tuple[Any, ...]
    split: Any


def read_metadata(path: Path, config: ImportConfig) -> tuple[list[Row], list[Rejected]]:
    """Read the table of a folder. Rows without a file name and lines without an object are rejected.

    Raises:
        ImportFolderError: the file cannot be read, is not UTF-8, has no rows, or lacks a column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = _csv_rows(text) if path.suffix == ".csv" else [_json_of(line) for line in text.split("\n")]
    except UnicodeDecodeError as error:
        raise ImportFolderError(
            f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8, and import again."
        ) from error
    except (OSError, csv.Error) as error:
        raise ImportFolderError(f"{path} cannot be read ({error}). Correct it, and import again.") from error
    rows = [row for row in found if isinstance(row, dict)]
    if not rows:
        raise ImportFolderError(f"{path} holds no rows. Write one row per video, with file_name and caption.")
    columns = dict.fromkeys(column for row in rows for column in row if column not in ("", _TOO_MANY))
    if _FILE_NAME not in columns:
        raise ImportFolderError(
            f"{path} has no column {_FILE_NAME}; it has {_listed(columns)}. Add a column {_FILE_NAME} with the path of "
            "each video relative to this file."
        )
    try:
        caption = caption_column(columns, config, other_than=(_FILE_NAME, config.split_column))
        check_split_column(columns, config)
    except UnusableError as error:
        raise ImportFolderError(f"{path} {error}") from error
    good, bad = [], []
    for number, row in enumerate(found, start=1):
        place = f"{path.name}, row {number}"
        if row is None:
            continue
        if not isinstance(row, dict):
            bad.append(Rejected(place, "not readable", "is no JSON object. Write one object per line."))
        elif not isinstance(row.get(_FILE_NAME), str) or not row[_FILE_NAME].strip():
            bad.append(Rejected(place, "no video", f"names no file. Fill in {_FILE_NAME}."))
        elif _TOO_MANY in row:
            reason = "has a row with more values than columns. Put a caption with commas in quotation marks."
            bad.append(Rejected(row[_FILE_NAME], "no caption", reason))
        else:
            good.append(
                Row(row[_FILE_NAME], (row.get(caption),), row.get(config.split_column) if config.split_column else None)
            )
    return good, bad


def caption_column(columns: Iterable[str], config: ImportConfig, *, other_than: Sequence[str]) -> str:
    """Return the column with the captions: the configured one, a usual name, or the only one that is left.

    Args:
        columns: all columns that can hold captions.
        config: may name the column.
        other_than: columns that hold something else.

    Raises:
        UnusableError: there is no such column, or more than one may be meant.
    """
    names = [name for name in columns if name not in other_than]
    if config.caption_column:
        if config.caption_column in names:
            return config.caption_column
        reason = f"has no column {config.caption_column}; it has {_listed(names)}. Correct caption_column."
        raise UnusableError("no caption", reason)
    if usual := [name for name in CAPTION_COLUMNS if name in names]:
        return usual[0]
    if len(names) == 1:
        return names[0]
    raise UnusableError(
        "no caption",
        f"has no column {' or '.join(CAPTION_COLUMNS)}; it has {_listed(names)}. Say with caption_column which one "
        "holds the captions.",
    )


def check_split_column(columns: Iterable[str], config: ImportConfig) -> None:
    """Check that the configured split column, if any, is one of the columns.

    Raises:
        UnusableError: it is not.
    """
    if config.split_column and config.split_column not in (names := list(columns)):
        reason = f"has no column {config.split_column}; it has {_listed(names)}. Correct split_column."
        raise UnusableError("wrong split", reason)


def split_named(value: Any) -> SplitName | str:
    """Return the split that a value of the split column means, or the empty text for an empty value.

    Raises:
        UnusableError: the value is no known name.
    """
    name = "" if value is None or value != value else str(value).strip().lower()
    if name and name not in _SPLITS:
        raise UnusableError("wrong split", f"has the split {name!r}. Write train, validation or test.")
    return _SPLITS.get(name, "")


def _csv_rows(text: str) -> list[dict[str, Any] | None]:
    """Rows by column. Spreadsheets separate columns by commas, semicolons or tabs, depending on the language."""
    first = next(csv.reader(io.StringIO(text)), [])
    delimiter = "," if len(first) > 1 else next((mark for mark in ";\t" if mark in "".join(first)), ",")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey=_TOO_MANY)
    return [{name.strip(): value for name, value in row.items()} for row in rows]


def _json_of(line: str) -> Any:
    """An object, None for an empty line, or the text itself if it is no JSON."""
    try:
        return json.loads(line) if line.strip() else None
    except (ValueError, RecursionError):
        return line


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(columns) or "no other"
