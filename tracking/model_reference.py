"""From the name of a model (alias, version, run, path) to one checkpoint on this machine and its digest.

A command resolves a name once and passes on the `ResolvedModel`: an alias can move meanwhile, a digest cannot.
"""

from __future__ import annotations

import logging
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.home import Home
from models.checkpoint import CheckpointError, checkpoint_digest, find_checkpoint, read_info
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
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

_logger = logging.getLogger("flipbook.models")

_MODEL = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+|latest))")
_MODEL_ID = re.compile(r"models:/(?P<model_id>m-[0-9a-f]+)")
_RUN = re.compile(rf"runs:/(?P<run_id>[0-9a-zA-Z]+)(?:/{MODEL_NAME_IN_RUN})?/?")
FORMS = (
    f"models:/{MODEL_NAME}@champion, models:/{MODEL_NAME}/3, models:/{MODEL_NAME}/latest, "
    f"runs:/RUN_ID/{MODEL_NAME_IN_RUN}, a checkpoint's folder or its .safetensors file"
)


class ModelReferenceError(ValueError):
    """A reference names no model that exists here; the message says which models do."""


@dataclass(frozen=True)
class ResolvedModel:
    """One checkpoint on this machine."""

    ref: str
    """The reference as given, or ``models:/flipbook/N`` if it led to a version."""
    version: int | None
    """Number of the version; None if the checkpoint is not registered, or was named by its path."""
    run_id: str | None
    """MLflow run of the training; None if the checkpoint was named by its path."""
    checkpoint: Path
    """The checkpoint folder."""
    digest: str
    """Digest of the checkpoint."""

    @property
    def short_name(self) -> str:
        """A name for files and runs: "v3" for a version, otherwise the beginning of the digest."""
        return self.digest[:8] if self.version is None else f"v{self.version}"


def resolve_model(home: Home, ref: str) -> ResolvedModel:
    """Find the checkpoint that `ref` names, and verify its files.

    Args:
        home: the home directory.
        ref: ``models:/flipbook@ALIAS``, ``models:/flipbook/VERSION``, ``models:/flipbook/latest``,
            ``models:/MODEL_ID``, ``runs:/RUN_ID``, ``runs:/RUN_ID/model``, or the path of a checkpoint folder or of the
            .safetensors file in it.

    Raises:
        ModelReferenceError: there is no such model, or its files are missing or not those that were registered.
        models.checkpoint.CheckpointError: a path leads to no checkpoint, or to a damaged one.
        StoreError: the MLflow store cannot be used.
    """
    if not ref.startswith(("models:", "runs:")):
        return _by_path(home, ref)
    client = open_store(home)
    if match := _MODEL.fullmatch(ref):
        return _of_version(client, home, _version(client, ref, match))
    if match := _MODEL_ID.fullmatch(ref):
        model_id = match["model_id"]
    elif match := _RUN.fullmatch(ref):
        model_id = _model_of_run(client, ref, match["run_id"])
    else:
        raise ModelReferenceError(f"{ref!r} is no model reference. Possible forms: {FORMS}.")
    model = find_logged_model(client, model_id)
    if model is None:
        raise ModelReferenceError(f"{ref} does not exist. {_inventory(client)}")
    version = next((found for found in registered_versions(client) if model_id_of(found) == model_id), None)
    if version is not None:
        return _of_version(client, home, version)
    checkpoint, digest = _local_checkpoint(home, model, ref=ref)
    return ResolvedModel(ref, None, model.source_run_id, checkpoint, digest)


def _by_path(home: Home, ref: str) -> ResolvedModel:
    path = Path(ref).expanduser()
    if not ref or not path.exists():
        raise ModelReferenceError(
            f"There is no file or folder {ref!r}. Possible forms of a model reference: {FORMS}. "
            + _inventory(open_store(home))
        )
    folder = find_checkpoint(path)
    return ResolvedModel(ref, None, None, folder, checkpoint_digest(folder))


def _version(client: MlflowClient, ref: str, match: re.Match[str]) -> MlflowVersion:
    if match["name"] != MODEL_NAME:
        raise ModelReferenceError(f"{ref}: the registered model is called {MODEL_NAME!r}. {_inventory(client)}")
    versions = {int(found.version): found for found in registered_versions(client)}
    if match["alias"]:
        number = version_aliases(client).get(match["alias"])
    elif match["version"] == "latest":
        number = max(versions, default=None)
    else:
        number = int(match["version"])
    if number is None or number not in versions:
        raise ModelReferenceError(f"{ref} does not exist. {_inventory(client)}")
    return versions[number]


def _model_of_run(client: MlflowClient, ref: str, run_id: str) -> str:
    """Id of the newest model that the run has logged."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise ModelReferenceError(f"{ref}: the store has no run {run_id!r}. {_inventory(client)}") from None
    outputs = sorted(run.outputs.model_outputs if run.outputs else [], key=lambda output: output.step)
    if not outputs:
        raise ModelReferenceError(
            f"{ref}: the run {run.info.run_name!r} ({run.info.status}) logged no model. {_inventory(client)}"
        )
    return str(outputs[-1].model_id)


def _of_version(client: MlflowClient, home: Home, found: MlflowVersion) -> ResolvedModel:
    ref = f"models:/{found.name}/{found.version}"
    model_id = model_id_of(found)
    model = find_logged_model(client, model_id)
    if model is None:
        why = "its logged model was deleted" if model_id else f"it was registered from {found.source}, no logged model"
        raise ModelReferenceError(f"{ref}: {why}. Train it again, or name another version. {_inventory(client)}")
    checkpoint, digest = _local_checkpoint(home, model, ref=ref)
    if not is_complete(found):  # registered by MLflow's own means
        with mlflow_lock(home):
            found = complete_version(home, found, info=read_info(checkpoint), digest=digest)
    return ResolvedModel(ref, int(found.version), found.run_id, checkpoint, digest)


def _local_checkpoint(home: Home, model: LoggedModel, *, ref: str) -> tuple[Path, str]:
    """The model's weights and description as a checkpoint folder on this machine, and their digest."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    expected = str(model.tags.get(DIGEST_TAG, ""))
    repository = get_artifact_repository(f"{model.artifact_location}/artifacts", tracking_uri=tracking_uri(home))
    folder = home.models / model.model_id
    if isinstance(repository, LocalArtifactRepository):
        folder = Path(repository.artifact_dir)
    damage = _damage(folder, expected)
    if damage and not isinstance(repository, LocalArtifactRepository):
        if folder.is_dir():
            _logger.warning("%s is fetched again. %s", folder, damage)
        _fetch(repository, folder)
        damage = _damage(folder, expected)
    if damage:
        raise ModelReferenceError(
            f"{ref}: its files are not those that were registered. {damage} Train it again, or name another version."
        )
    return folder, expected


def _fetch(repository: ArtifactRepository, folder: Path) -> None:
    """Download all files to `folder`, which appears when it is complete. What was there before is deleted."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as temporary:
        fetched = Path(temporary) / "fetched"
        fetched.mkdir()
        repository.download_artifacts("", str(fetched))
        if folder.is_dir():
            folder.rename(Path(temporary) / "damaged")
        fetched.rename(folder)


def _damage(folder: Path, expected: str) -> str:
    """Why `folder` is not the checkpoint with the digest `expected`, in a sentence; "" if it is."""
    try:
        digest = checkpoint_digest(folder)
    except CheckpointError as error:
        return str(error)
    return "" if digest == expected else f"{folder} holds the checkpoint {digest[:12]}, not {expected[:12]}."


def _inventory(client: MlflowClient) -> str:
    """The models that can be named, in one sentence or two."""
    versions = [int(found.version) for found in registered_versions(client)]
    if not versions:
        return "No model is registered yet: `flipbook run` trains and registers the first."
    listed = ", ".join(f"models:/{MODEL_NAME}/{version}" for version in versions[:10])
    more = f" and {len(versions) - 10} older" if len(versions) > 10 else ""
    aliases = ", ".join(
        f"models:/{MODEL_NAME}@{name} (version {n})" for name, n in sorted(version_aliases(client).items())
    )
    return f"Registered: {listed}{more}. Aliases: {aliases or 'none'}."
