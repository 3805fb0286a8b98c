"""The records of a training that MLflow has not taken yet, on disk: whatever ends the process, none is lost.

    unsent/
        records.jsonl           a line a record, appended as it comes
        samples-00000500.png    pictures, named in the records

A training that goes on from a checkpoint repeats the steps after it. So a record counts once the checkpoint of its step
is complete; those of later steps are forgotten when the next process opens the journal, because they will come again.
A record keeps its time and its names, so that whoever sends it twice writes the same thing twice.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.files import StorageError, write_atomically

if TYPE_CHECKING:
    from PIL.Image import Image

RECORDS_FILE = "records.jsonl"

_logger = logging.getLogger("flipbook.journal")


class Record(BaseModel):
    """Some values, or a picture, of one step."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    step: int = Field(description="Training step; for values of the machine their running number.")
    timestamp: int = Field(description="When it was recorded, ms since 1970.")
    values: dict[str, float] = Field(default_factory=dict, description="By the metric's name.")
    picture: str = Field("", description="File name of a PNG beside the journal; empty where there is none.")
    waits: bool = Field(True, description="Whether it counts only once the checkpoint of its step is complete.")


class Journal:
    """Records in the order in which they came. Any thread may call any method."""

    def __init__(self, folder: Path, *, committed: int) -> None:
        """Take up what an earlier process left in `folder`.

        Args:
            folder: of this journal alone; made when there is something to keep.
            committed: step of the newest complete checkpoint, -1 where there is none; waiting records of later steps
                are forgotten.

        Raises:
            StorageError: the folder cannot be written.
        """
        self._folder = folder
        self._committed = committed
        self._lock = threading.Lock()
        self._records = [record for record in _read(folder / RECORDS_FILE) if self._counts(record)]
        self._rewrite()  # so that what is appended follows a whole line
        self._remove_pictures_but({record.picture for record in self._records})

    def add(self, record: Record) -> None:
        """Keep `record`. Raises StorageError where the disk does not take it."""
        with self._lock:
            self._append(record)
            self._records.append(record)

    def add_picture(self, picture: Image, *, name: str, step: int, timestamp: int) -> None:
        """Keep a picture of `step`, as `name`-STEP.png. Raises StorageError where the disk does not take it."""
        content = io.BytesIO()
        picture.save(content, format="PNG")
        file = f"{name}-{step:08d}.png"
        write_atomically(self._folder / file, content.getvalue())
        self.add(Record(step=step, timestamp=timestamp, picture=file))

    def commit(self, step: int) -> None:
        """The checkpoint of `step` is complete: the records up to it count."""
        with self._lock:
            self._committed = max(self._committed, step)

    def countable(self) -> list[Record]:
        """The records that may be sent, oldest first."""
        with self._lock:
            return [record for record in self._records if self._counts(record)]

    def steps(self, *, pictures: bool) -> set[int]:
        """The training steps of which values, or pictures, are kept here."""
        with self._lock:
            return {record.step for record in self._records if record.waits and bool(record.picture) == pictures}

    def picture(self, record: Record) -> Path:
        """Where the picture of `record` lies."""
        return self._folder / record.picture

    def forget(self, sent: Sequence[Record]) -> None:
        """Drop these records, which are safe elsewhere. Raises StorageError where the rest cannot be written."""
        gone = {id(record) for record in sent}
        with self._lock:
            self._records = [record for record in self._records if id(record) not in gone]
            self._rewrite()
            for record in sent:
                if record.picture:
                    self.picture(record).unlink(missing_ok=True)

    def _counts(self, record: Record) -> bool:
        return not record.waits or record.step <= self._committed

    def _append(self, record: Record) -> None:
        path = self._folder / RECORDS_FILE
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(record.model_dump_json() + "\n")
        except OSError as error:
            raise StorageError(
                error.errno, f"Could not write {path}: {os.strerror(error.errno or 0)}. Free some space there."
            ) from error

    def _rewrite(self) -> None:
        if not self._records:
            (self._folder / RECORDS_FILE).unlink(missing_ok=True)
            return
        lines = "".join(record.model_dump_json() + "\n" for record in self._records)
        write_atomically(self._folder / RECORDS_FILE, lines.encode())

    def _remove_pictures_but(self, kept: set[str]) -> None:
        for path in self._folder.glob("*.png"):
            if path.name not in kept:
                path.unlink()


def _read(path: Path) -> list[Record]:
    """The records in `path`; a line that is cut off or damaged is logged and passed over."""
    records: list[Record] = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines() if path.exists() else [], start=1):
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError:
            _logger.warning("Passing over line %d of %s, which is damaged or was not written to its end.", number, path)
    return records
