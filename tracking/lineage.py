"""What a run was made from: the code, the data set, the configuration, in MLflow's own terms."""

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

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

VERSION_TAG = "flipbook.version"
NOTE_TAG = "mlflow.note.content"  # shown at the head of a run's page
PARENT_TAG = "mlflow.parentRunId"  # the run that a run's page stands below
IMPORTED_FROM_TAG = "flipbook.imported_from"
COMMIT_TAG = "mlflow.source.git.commit"
DATASET_NAME = "flipbook-clips"
DIGEST_LENGTH = 36  # characters; MLflow keeps no longer digest of a data set


def flat_params(configs: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Flatten nested configs into MLflow params: ``{"train": TrainConfig(...)}`` gives ``{"train.batch": "32", ...}``.

    Pydantic models and mappings are walked; lists and tuples become JSON.
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
    """Version of the installed package, or ``unknown`` when its code runs without being installed."""
    try:
        return version("flipbook")
    except PackageNotFoundError:
        return "unknown"


@cache
def git_commit() -> str | None:
    """Commit of the checkout that this code runs from, with ``-dirty`` when files differ; None outside a checkout."""
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
    """Tags that say who made a run with which code; `source` is the command, e.g. ``flipbook train``."""
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


def dataset_input(manifest: Manifest, folder: Path, *, context: str) -> DatasetInput:
    """MLflow's record of the data set in `folder` as an input of a run.

    MLflow allows short digests only, so the profile holds the whole digest of the manifest.

    Args:
        manifest: the data set's manifest.
        folder: where its shards lie.
        context: ``training`` or ``evaluation``.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {
        "clips": manifest.rows,
        "shards": len(manifest.shards),
        "bytes": manifest.bytes,
        "seed": manifest.data.seed,
        "digest": manifest.digest,
    }
    types = {"prompt": "string", "motion": "string", "shape": "string", "colour": "string", "frames": "binary"}
    columns = [{"name": name, "type": kind, "required": True} for name, kind in types.items()]
    dataset = Dataset(
        name=DATASET_NAME,
        digest=manifest.digest[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": str(folder)}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
