"""The origin of a run in MLflow's terms: code, data set and configuration."""

from __future__ import annotations

import getpass
import json
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from data.shards.manifest import Manifest
from data.shards.sources import WorldSource

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

VERSION_TAG = "flipbook.version"
NOTE_TAG = "mlflow.note.content"  # shown at the head of a run's page
PARENT_TAG = "mlflow.parentRunId"  # the run below which MLflow lists this run
IMPORTED_FROM_TAG = "flipbook.imported_from"
COMMIT_TAG = "mlflow.source.git.commit"
DATASET_NAME = "flipbook-clips"
DIGEST_LENGTH = 36  # characters; MLflow's limit for the digest of a data set
PARAMS_PER_BATCH = 100  # MLflow's limit


def flat_params(configs: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Flatten nested configs into MLflow params: ``{"train": TrainConfig(...)}`` gives ``{"train.batch": "32", ...}``.

    Lists and tuples become JSON.
    """
    flat: dict[str, str] = {}
    for name, value in configs.items():
        if isinstance(value, BaseModel):
            value = value.model_dump(mode="json")
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flat_params(value, prefix=f"{key}.")
        else:
            flat[key] = json.dumps(value) if isinstance(value, (list, tuple)) else str(value)
    return flat


def package_version() -> str:
    """Version of the installed package; ``unknown`` if its code runs without being installed."""
    try:
        return version("flipbook")
    except PackageNotFoundError:
        return "unknown"


@cache
def git_commit() -> str | None:
    """Commit of the checkout that this code runs from, with ``-dirty`` if files differ; None outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here, capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None  # no git, no checkout, or one that belongs to somebody else
    return f"{commit}-dirty" if changed else commit


def origin_tags(source: str) -> dict[str, str]:
    """Tags that say who made a run with which code. `source` is the command, for example ``flipbook train``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        user = "unknown"
    tags = {
        "mlflow.user": user,
        "mlflow.source.name": source,
        "mlflow.source.type": "LOCAL",
        VERSION_TAG: package_version(),
    }
    if commit := git_commit():
        tags[COMMIT_TAG] = commit
    return tags


def dataset_input(manifest: Manifest, place: str, *, context: str) -> DatasetInput:
    """MLflow's record of a data set as an input of a run.

    Args:
        manifest: the data set's manifest. MLflow keeps the beginning of its digest, and all of it in the profile.
        place: where the shards are, relative to the home if they are below it.
        context: ``training`` or ``evaluation``.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile: dict[str, object] = {
        "clips": manifest.rows,
        "shards": len(manifest.shards),
        "bytes": manifest.bytes,
        "digest": manifest.digest,
    }
    if isinstance(manifest.source, WorldSource):
        profile["seed"] = manifest.source.data.seed
    types = {"prompt": "string", "split": "string", "frames": "binary"}
    columns = [{"name": name, "type": kind, "required": True} for name, kind in types.items()]
    dataset = Dataset(
        name=DATASET_NAME,
        digest=manifest.digest[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": place}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def log_missing_params(client: MlflowClient, run_id: str, params: Mapping[str, str]) -> None:
    """Log the params that the run does not have yet. MLflow refuses to change the others."""
    from mlflow.entities import Param

    known = client.get_run(run_id).data.params
    missing = [Param(key, value) for key, value in params.items() if key not in known]
    for start in range(0, len(missing), PARAMS_PER_BATCH):
        client.log_batch(run_id, params=missing[start : start + PARAMS_PER_BATCH])
