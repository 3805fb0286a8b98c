"""What in the home no registered version needs any more, and its deletion."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from data.shards.manifest import ManifestError, read_manifest
from models.checkpoint import FINAL, CheckpointError, checkpoint_digest
from tracking.logged_model import DIGEST_TAG
from tracking.results.evaluation import EVALUATION_DIGEST_TAG
from tracking.store import ensure_experiment, open_store
from tracking.versions import DATA_TAG, model_id_of, registered_versions

DAY = 86_400.0


class Leftover(BaseModel):
    """A folder that may go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    kind: str = Field(description="data set, checkpoints, evaluation, fetched model or unfinished.")
    bytes: int = Field(ge=0, description="Size of all files in it.")
    days: float = Field(ge=0, description="Days since anything in it was written.")


@task(name="find-leftovers", cache_policy=NO_CACHE, persist_result=False)
def find_leftovers(home: Home, days: float) -> list[Leftover]:
    """Folders of `home` in which nothing was written for `days` days and that no registered version was made from.

    What is deleted is only ever a cache: a run that needs it makes it again. Versions keep their own weights, and
    recorded evaluations their videos, in MLflow.
    """
    needed = _Needed(home)
    found = [
        *_old(home.datasets, "data set", days, keep=needed.dataset),
        *_old(home.checkpoints, "checkpoints", days, keep=needed.checkpoints),
        *_old(home.evaluations, "evaluation", days, keep=needed.evaluation),
        *_old(home.models, "fetched model", days, keep=needed.model),
    ]
    return sorted(found, key=lambda leftover: -leftover.bytes)


@task(name="delete-leftovers", cache_policy=NO_CACHE, persist_result=False)
def delete_leftovers(leftovers: list[Leftover]) -> int:
    """Deletes the folders and returns the bytes that are free now. A folder that somebody used since is left alone."""
    freed = 0
    for leftover in leftovers:
        if leftover.path.exists() and _days_since_written(leftover.path) >= leftover.days:
            doomed = leftover.path.with_name(f".deleting-{leftover.path.name}")
            leftover.path.rename(doomed)  # at once: nobody may find half of it
            shutil.rmtree(doomed)
            freed += leftover.bytes
    return freed


class _Needed:
    """What the registered versions were made from."""

    def __init__(self, home: Home) -> None:
        client = open_store(home)
        versions = registered_versions(client)
        self._checkpoints = {version.tags.get(DIGEST_TAG) for version in versions}
        self._models = {model_id_of(version) for version in versions}
        self._datasets = {version.tags.get(DATA_TAG) for version in versions}
        experiment = ensure_experiment(client, home).experiment_id
        runs = client.search_runs([experiment], f"tags.`{EVALUATION_DIGEST_TAG}` != ''", max_results=50_000)
        self._evaluations = {run.data.tags[EVALUATION_DIGEST_TAG][:16] for run in runs}

    def dataset(self, folder: Path) -> bool:
        try:
            return read_manifest(folder).digest in self._datasets
        except ManifestError:
            return False

    def checkpoints(self, folder: Path) -> bool:
        try:
            return checkpoint_digest(folder / FINAL) in self._checkpoints
        except CheckpointError:
            return False

    def evaluation(self, folder: Path) -> bool:
        return folder.name in self._evaluations

    def model(self, folder: Path) -> bool:
        return folder.name in self._models


def _old(parent: Path, kind: str, days: float, *, keep: Callable[[Path], bool]) -> Iterator[Leftover]:
    for folder in sorted(parent.iterdir() if parent.is_dir() else ()):
        age = _days_since_written(folder)
        if folder.is_dir() and age >= days and not keep(folder):
            unfinished = folder.name.startswith(".")
            yield Leftover(
                path=folder, kind="unfinished" if unfinished else kind, bytes=_size(folder.rglob("*")), days=age
            )


def _days_since_written(folder: Path) -> float:
    newest = max((path.lstat().st_mtime for path in (folder, *folder.rglob("*"))), default=0.0)
    return max(0.0, (time.time() - newest) / DAY)


def _size(paths: Iterable[Path]) -> int:
    return sum(path.lstat().st_size for path in paths if path.is_file())
