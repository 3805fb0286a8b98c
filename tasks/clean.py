"""The tasks that free disk space: what no registered version needs, and its deletion."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from prefect import task
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from data.shards.manifest import ManifestError, read_manifest
from data.shards.sources import ImportSource
from tasks.cache.artifact import NAME_LENGTH
from tasks.retrying import retried
from tracking.versions import digests_in_use

DAY = 86_400.0  # seconds
IMPORTED = "imported data set"


class Leftover(BaseModel):
    """A folder that may be deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    kind: str = Field(description="data set, imported data set, training, evaluation, fetched model or unfinished.")
    bytes: int = Field(ge=0, description="Size of all files in it.")
    days: float = Field(ge=0, description="Days since anything in it was written.")


@task(name="find-leftovers", **retried())
def find_leftovers(home: Home, days: float, *, imported: bool = False) -> list[Leftover]:
    """The folders of `home` that nothing was written to for `days` days, and that no registered version comes from.

    They are only a cache: a run that needs one makes it again. Versions keep their weights in MLflow, and recorded
    evaluations their videos. Data sets of people's own clips can be made again from their videos alone, so they are
    left out unless `imported` asks for them.
    """
    needed = {digest[:NAME_LENGTH] for digest in digests_in_use(home)}
    folders = (
        (home.datasets, "data set"),
        (home.checkpoints, "training"),
        (home.evaluations, "evaluation"),
        (home.models, "fetched model"),
    )
    found = [leftover for parent, kind in folders for leftover in _old(parent, kind, days, needed=needed)]
    chosen = [one for one in found if imported or one.kind != IMPORTED]
    return sorted(chosen, key=lambda leftover: -leftover.bytes)


@task(name="delete-leftovers", **retried())
def delete_leftovers(leftovers: list[Leftover]) -> int:
    """Delete the folders and return the bytes that are free now. A folder that was used since is left alone."""
    freed = 0
    for leftover in leftovers:
        if leftover.path.exists() and _days_since_written(leftover.path) >= leftover.days:
            doomed = leftover.path.with_name(f".deleting-{leftover.path.name}")
            leftover.path.rename(doomed)  # in one step, so that no reader finds half of it
            shutil.rmtree(doomed)
            freed += leftover.bytes
    return freed


def _old(parent: Path, kind: str, days: float, *, needed: set[str]) -> Iterator[Leftover]:
    for folder in sorted(parent.iterdir() if parent.is_dir() else ()):
        age = _days_since_written(folder)
        if folder.is_dir() and age >= days and folder.name[:NAME_LENGTH] not in needed:
            size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
            yield Leftover(path=folder, kind=_kind_of(folder, kind), bytes=size, days=age)


def _kind_of(folder: Path, kind: str) -> str:
    if folder.name.startswith("."):
        return "unfinished"
    return IMPORTED if _is_imported(folder) else kind


def _is_imported(folder: Path) -> bool:
    """Whether the folder holds a complete data set of people's own clips."""
    try:
        return isinstance(read_manifest(folder).source, ImportSource)
    except ManifestError:
        return False


def _days_since_written(folder: Path) -> float:
    newest = max((path.lstat().st_mtime for path in (folder, *folder.rglob("*"))), default=0.0)
    return max(0.0, (time.time() - newest) / DAY)
