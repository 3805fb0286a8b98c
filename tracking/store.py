"""Where MLflow keeps its records: one SQLite file below the home, or the user's own server or database.

``MLFLOW_TRACKING_URI`` names the server or database. Without it, the store is ``<home>/mlflow.db``.
All calls go through an ``MlflowClient`` with explicit run ids, because MLflow's fluent functions
(``mlflow.log_metric``) do not know the active run inside the worker threads of Prefect.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from data.home import Home
from tracking.artifacts import FOLDER, artifact_folder, register_artifact_scheme
from tracking.shown_uri import shown
from tracking.store_check import StoreError, check_address, check_database, check_server

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

URI_VARIABLE = "MLFLOW_TRACKING_URI"
REGISTRY_VARIABLE = "MLFLOW_REGISTRY_URI"
PAGES_VARIABLE = "FLIPBOOK_MLFLOW_PAGES"
EXPERIMENT = "flipbook"
ANSWER_SECONDS = 30  # how long one request to a server may take
TRAINING_VIEW = "?workflowType=machine_learning"  # opens MLflow's pages for trainings, not those for language models
RELATIVE_ARTIFACTS = "mlflow-artifacts:/flipbook"  # see tracking.artifacts
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # opens MLflow's view for trainings
    "mlflow.note.content": "Trainings of the text-to-video GAN and evaluations of its versions. "
    "A training holds its losses, sample grids and model. An evaluation holds scores, videos and the report.",
}


def tracking_uri(home: Home) -> str:
    """URI of the MLflow store: ``MLFLOW_TRACKING_URI`` if it is set, otherwise SQLite in `home`.

    The URI of a server comes without user and password. The URI of a database keeps them.
    """
    uri = os.environ.get(URI_VARIABLE) or _sqlite_uri(home)
    return shown(uri) if is_remote(uri) else uri


def mlflow_pages(home: Home) -> str | None:
    """Address of MLflow's pages for browsers, without a final slash; None if no server is known.

    ``FLIPBOOK_MLFLOW_PAGES`` names it if browsers reach the server under another address than this process.
    """
    uri = os.environ.get(PAGES_VARIABLE) or tracking_uri(home)
    return shown(uri).rstrip("/") if is_remote(uri) else None


def backend_uri(home: Home) -> str:
    """URI of the database behind the home's own MLflow server: `tracking_uri` if it is a database, otherwise SQLite."""
    uri = tracking_uri(home)
    return _sqlite_uri(home) if is_remote(uri) else uri


def artifact_root(home: Home) -> Path:
    """Folder of the artifacts of a store that has no server, or that the home's own server serves."""
    return artifact_folder(backend_uri(home)) or home.root / FOLDER


def is_remote(uri: str) -> bool:
    """Whether `uri` is the address of an MLflow server."""
    return urlsplit(uri).scheme in ("http", "https")


def check_store(home: Home) -> None:
    """Check MLflow's settings and its store. Commands and flows call it before any work.

    Raises:
        StoreError: the message says which setting is wrong, where it comes from, and what to do.
    """
    configured = os.environ.get(URI_VARIABLE, "")
    registry = os.environ.get(REGISTRY_VARIABLE, "")
    if registry and shown(registry) != shown(configured or _sqlite_uri(home)):
        raise StoreError(
            f"{REGISTRY_VARIABLE} (from the environment) names {shown(registry)}, but Flipbook keeps model versions in "
            f"the same store as their runs. Unset {REGISTRY_VARIABLE}, or set {URI_VARIABLE} to the same address."
        )
    if configured:
        check_address(configured, variable=URI_VARIABLE)
    uri = tracking_uri(home)
    if is_remote(uri):
        _prepare_mlflow()
        check_server(uri, variable=URI_VARIABLE)
    elif configured:
        check_database(uri, variable=URI_VARIABLE)


def open_store(home: Home) -> MlflowClient:
    """The process's client of `home`'s store. The first call creates the database (about 3 s, once).

    Never make the first call while holding `mlflow_lock`.

    Raises:
        StoreError: see `check_store`.
    """
    return _open(home, tracking_uri(home))


@cache
def _open(home: Home, uri: str) -> MlflowClient:
    check_store(home)
    _prepare_mlflow()
    from mlflow import MlflowClient

    register_artifact_scheme()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # otherwise each table's creation is logged
    if uri == _sqlite_uri(home) and os.access(home.root, os.W_OK):
        with mlflow_lock(home):
            _create_database(home.root / "mlflow.db", uri)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _create_database(path: Path, uri: str) -> None:
    """Create the tables if there are none, with an artifact location that does not depend on where the home is."""
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.touch()  # SQLite itself would ignore the umask and keep a group out
    SqlAlchemyStore(uri, RELATIVE_ARTIFACTS.rpartition("/")[0] + "/")


def _prepare_mlflow() -> None:
    """Set the defaults that MLflow reads from the environment only. Values that the user has set stay."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # the command line draws its own bars
    # By default MLflow repeats a request for four minutes in silence. Flipbook's tasks repeat it themselves.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(ANSWER_SECONDS))
    # MLflow's errors quote the URI that they come from, and Prefect stores the errors of runs. So a user and a password
    # in the URI of a server move to the variables that MLflow has for them.
    uri = os.environ.get(URI_VARIABLE, "")
    parts = urlsplit(uri)
    if is_remote(uri) and parts.username and parts.password:
        os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password)
        os.environ[URI_VARIABLE] = shown(uri)


def _sqlite_uri(home: Home) -> str:
    path = home.root / "mlflow.db"
    if "?" in str(path):
        raise StoreError(
            f"The home {home.root} has a question mark in its path, which the address of a database cannot hold. "
            "Set FLIPBOOK_HOME, or --home, to another folder."
        )
    return f"sqlite:///{path}"


def _artifact_location(home: Home) -> str | None:
    """Where a new experiment keeps its artifacts; None leaves the choice to the server."""
    uri = tracking_uri(home)
    if is_remote(uri):
        return None
    return RELATIVE_ARTIFACTS if uri.startswith("sqlite") else artifact_root(home).as_uri()


@contextmanager
def mlflow_lock(home: Home) -> Iterator[None]:
    """Hold `home`'s MLflow lock, so that no other process changes the model versions or creates the store meanwhile.

    The operating system releases it when the holder ends, however it ends.
    """
    home.locks.mkdir(parents=True, exist_ok=True)
    with FileLock(home.locks / "mlflow.lock"):
        yield


@contextmanager
def as_default_store(home: Home) -> Iterator[None]:
    """Make `home`'s store MLflow's default inside the block.

    MLflow's registry looks up a version's logged model in the default store, whatever store its client was made for.
    Use it inside `mlflow_lock` only, because it sets an environment variable.
    """
    before = os.environ.get(URI_VARIABLE)
    os.environ[URI_VARIABLE] = tracking_uri(home)
    try:
        yield
    finally:
        if before is None:
            del os.environ[URI_VARIABLE]
        else:
            os.environ[URI_VARIABLE] = before


def ensure_experiment(client: MlflowClient, home: Home) -> Experiment:
    """The experiment that holds all trainings and evaluations. It is created, or restored if somebody deleted it."""
    with mlflow_lock(home):
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            identity = client.create_experiment(
                EXPERIMENT, artifact_location=_artifact_location(home), tags=EXPERIMENT_TAGS
            )
            return client.get_experiment(identity)
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return experiment


def run_with_tags(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Run | None:
    """The run with these tags: a finished one if there is one, otherwise the oldest."""
    found = client.search_runs([experiment], " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items()))
    return min(found, key=lambda run: (run.info.status != "FINISHED", run.info.start_time), default=None)
