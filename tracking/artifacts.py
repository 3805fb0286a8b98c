"""Artifacts of a SQLite store: the address ``mlflow-artifacts:/...`` names files in the folder beside the database.

MLflow's own server uses the same addresses (``--serve-artifacts``). So the same runs can be read with and without a
server, and no stored address depends on where the home is. MLflow finds `artifact_repository` through the entry point
in pyproject.toml, so a script that loads a model needs no other import of this project. Every program that uses MLflow
loads this file then. It therefore imports nothing else of the project.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

SCHEME = "mlflow-artifacts"
FOLDER = "mlartifacts"


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> ArtifactRepository:
    """The folder beside the SQLite file that `tracking_uri` names, or MLflow's own repository for any other store.

    Raises:
        mlflow.exceptions.MlflowException: the path in `artifact_uri` leads out of the folder.
    """
    from mlflow import get_tracking_uri
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
    from mlflow.utils.uri import validate_path_within_directory

    folder = artifact_folder(tracking_uri or get_tracking_uri())
    if folder is None:
        return MlflowArtifactsRepository(artifact_uri, tracking_uri, registry_uri)
    path = folder / unquote(urlsplit(artifact_uri).path).lstrip("/")
    validate_path_within_directory(str(folder), str(path))
    return LocalArtifactRepository(path.as_uri(), tracking_uri, registry_uri)


def artifact_folder(tracking_uri: str) -> Path | None:
    """The folder beside the SQLite file that `tracking_uri` names; None for a server or another database."""
    if not tracking_uri.startswith("sqlite:"):
        return None
    from sqlalchemy.engine import make_url

    return Path(make_url(tracking_uri).database or "").absolute().parent / FOLDER


def register_artifact_scheme() -> None:
    """Make MLflow use `artifact_repository` in this process, for programs that run without being installed."""
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry

    _artifact_repository_registry.register(SCHEME, artifact_repository)
