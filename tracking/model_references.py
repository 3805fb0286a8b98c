"""From what a user calls a model (alias, version, run, path) to one checkpoint on disk and its digest.

A reference is resolved before anything is cached by it: an alias moves, a digest does not.
"""

from __future__ import annotations

import logging
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from data.home import Home
from models.checkpoint import CheckpointError, checkpoint_digest, read_info
from tracking.logged_model import DIGEST_TAG, MODEL_NAME_IN_RUN, find_logged_model
from tracking.store import mlflow_lock, open_store, tracking_uri
from tracking.versions import (
    MODEL_NAME,
    complete_version,
    is_complete,
    model_id_of,
    registered_versions,
    version_aliases,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

_logger = logging.getLogger("flipbook.models")

_MODEL = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+|latest))")
_MODEL_ID = re.compile(r"models:/(?P<model_id>m-[0-9a-f]+)")
_RUN = re.compile(rf"runs:/(?P<run_id>[0-9a-zA-Z]+)(?:/{MODEL_NAME_IN_RUN})?/?")
FORMS = (
    f"models:/{MODEL_NAME}@champion, models:/{MODEL_NAME}/3, models:/{MODEL_NAME}/latest, "
    f"runs:/RUN_ID/{MODEL_NAME_IN_RUN}, a checkpoint's folder or its .safetensors file"
)


class ModelReferenceError(ValueError):
    """A reference names no model that exists here; the message says which do."""


@dataclass(frozen=True)
class ResolvedModel:
    """One checkpoint on disk.

    `ref` as given, or ``models:/flipbook/N`` in place of an alias; `version` and `run_id` are None where the reference
    was a path (or a run's model that was never registered); `digest` is the checkpoint's.
    """

    ref: str
    version: int | None
    run_id: str | None
    checkpoint: Path
    digest: str


def resolve_model(home: Home, ref: str) -> ResolvedModel:
    """Find the checkpoint that `ref` names.

    Args:
        home: the home directory.
        ref: one of ``models:/flipbook@ALIAS``, ``models:/flipbook/VERSION``, ``models:/flipbook/latest``,
            ``models:/MODEL_ID``, ``runs:/RUN_ID``, ``runs:/RUN_ID/model``, or the path of a checkpoint folder or of the
            .safetensors file in it.

    Raises:
        ModelReferenceError: there is no such model, or its files are gone or not those that were registered.
        models.checkpoint.CheckpointError: a path leads to no checkpoint, or to a damaged one.
    """
    if not ref.startswith(("models:", "runs:")):
        return _by_path(home, ref)
    if match := _MODEL.fullmatch(ref):
        return _by_version(home, ref, match)
    if match := _MODEL_ID.fullmatch(ref):
        return _by_model_id(home, ref, match["model_id"])
    if match := _RUN.fullmatch(ref):
        return _by_run(home, ref, match["run_id"])
    raise ModelReferenceError(f"{ref!r} is no model reference. Forms that are understood: {FORMS}.")


def _by_path(home: Home, ref: str) -> ResolvedModel:
    path = Path(ref).expanduser()
    if not ref or not path.exists():
        raise ModelReferenceError(
            f"There is no file or folder {ref!r}. A model is named by one of: {FORMS}. " + _inventory(open_store(home))
        )
    folder = path.parent if path.suffix == ".safetensors" else path
    return ResolvedModel(ref, None, None, folder, checkpoint_digest(folder))


def _by_version(home: Home, ref: str, match: re.Match[str]) -> ResolvedModel:
    client = open_store(home)
    versions = {int(found.version): found for found in registered_versions(client)}
    if match["name"] != MODEL_NAME:
        raise ModelReferenceError(f"{ref}: the registered model is called {MODEL_NAME!r}. {_inventory(client)}")
    if match["alias"]:
        number = version_aliases(client).get(match["alias"])
    elif match["version"] == "latest":
        number = max(versions, default=None)
    else:
        number = int(match["version"])
    if number is None or number not in versions:
        raise ModelReferenceError(f"{ref} does not exist. {_inventory(client)}")
    return _of_version(client, home, versions[number])


def _by_model_id(home: Home, ref: str, model_id: str) -> ResolvedModel:
    client = open_store(home)
    model = find_logged_model(client, model_id)
    if model is None:
        raise ModelReferenceError(f"{ref} does not exist. {_inventory(client)}")
    return _of_logged_model(client, home, model, ref=ref)


def _by_run(home: Home, ref: str, run_id: str) -> ResolvedModel:
    client = open_store(home)
    run = _run(client, run_id)
    if run is None:
        raise ModelReferenceError(f"{ref}: the store has no run {run_id!r}. {_inventory(client)}")
    outputs = sorted(run.outputs.model_outputs if run.outputs else [], key=lambda output: output.step)
    model = find_logged_model(client, outputs[-1].model_id) if outputs else None
    if model is None:
        raise ModelReferenceError(
            f"{ref}: the run {run.info.run_name!r} ({run.info.status}) logged no model. {_inventory(client)}"
        )
    return _of_logged_model(client, home, model, ref=ref)


def _of_version(client: MlflowClient, home: Home, found: MlflowVersion) -> ResolvedModel:
    ref = f"models:/{found.name}/{found.version}"
    model_id = model_id_of(found)
    model = find_logged_model(client, model_id)
    if model is None:
        why = "its logged model was deleted" if model_id else f"it was registered from {found.source}, no logged model"
        raise ModelReferenceError(f"{ref}: {why}; train it again or pick another. {_inventory(client)}")
    checkpoint, digest = _local_checkpoint(home, model, ref=ref)
    if not is_complete(found):  # registered by MLflow's own means
        with mlflow_lock(home):
            found = complete_version(client, found, info=read_info(checkpoint), digest=digest)
    return ResolvedModel(ref, int(found.version), found.run_id, checkpoint, digest)


def _of_logged_model(client: MlflowClient, home: Home, model: LoggedModel, *, ref: str) -> ResolvedModel:
    for found in registered_versions(client):
        if model_id_of(found) == model.model_id:
            return _of_version(client, home, found)
    checkpoint, digest = _local_checkpoint(home, model, ref=ref)
    return ResolvedModel(ref, None, model.source_run_id, checkpoint, digest)


def _local_checkpoint(home: Home, model: LoggedModel, *, ref: str) -> tuple[Path, str]:
    """The model's weights and description as a checkpoint folder on this machine, and their digest."""
    expected = str(model.tags.get(DIGEST_TAG, ""))
    location = urlparse(f"{model.artifact_location}/artifacts")
    if location.scheme in ("", "file"):
        folder = Path(unquote(location.path))
    else:
        folder = home.models / model.model_id
        _remove_damaged(folder, expected)
        _fetch(location.geturl(), folder, tracking_uri(home))
    if not folder.is_dir():
        raise ModelReferenceError(f"{ref}: its files are gone from {folder}. Train it again or pick another version.")
    try:
        digest = checkpoint_digest(folder)
    except CheckpointError as error:
        raise ModelReferenceError(f"{ref}: its files are not those that were registered. {error}") from error
    if digest != expected:
        raise ModelReferenceError(
            f"{ref}: its files are not those that were registered: {folder} holds the checkpoint {digest[:12]}, "
            f"not {expected[:12]}. Train it again or pick another version."
        )
    return folder, digest


def _remove_damaged(fetched: Path, expected: str) -> None:
    """Delete a fetched copy that is not the checkpoint with the digest `expected`, so that it is fetched again."""
    if not fetched.is_dir():
        return
    try:
        if checkpoint_digest(fetched) == expected:
            return
        why = "it is another checkpoint"
    except CheckpointError as error:
        why = str(error)
    _logger.warning("%s is fetched again: %s", fetched, why)
    with tempfile.TemporaryDirectory(dir=fetched.parent, prefix=".damaged-") as doomed:
        fetched.rename(Path(doomed) / fetched.name)  # at once: nobody may find half of it


def _fetch(uri: str, target: Path, store: str) -> None:
    """Download a model's files once; complete or not there."""
    from mlflow.artifacts import download_artifacts

    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as temporary:
        fetched = Path(download_artifacts(artifact_uri=uri, dst_path=temporary, tracking_uri=store))
        try:
            fetched.rename(target)
        except OSError:  # another process was faster
            if not target.is_dir():
                raise


def _run(client: MlflowClient, run_id: str) -> Run | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _inventory(client: MlflowClient) -> str:
    """What can be named instead, in one sentence or two."""
    versions = [int(found.version) for found in registered_versions(client)]
    if not versions:
        return "No model is registered yet: `flipbook run` trains and registers the first."
    shown = ", ".join(f"models:/{MODEL_NAME}/{version}" for version in versions[:10])
    more = f" and {len(versions) - 10} older" if len(versions) > 10 else ""
    aliases = ", ".join(
        f"models:/{MODEL_NAME}@{name} (version {n})" for name, n in sorted(version_aliases(client).items())
    )
    return f"Registered: {shown}{more}. Aliases: {aliases or 'none'}."
