"""Where MLflow keeps its records: one SQLite file and one artifact folder under the home, or the user's own server.

``MLFLOW_TRACKING_URI``, where it is set, names the server; else the store is ``<home>/mlflow.db``. Everything goes
through an ``MlflowClient`` and explicit run ids: the fluent functions (``mlflow.log_metric``) know no active run inside
a scheduler's worker threads and would start stray ones. MLflow is imported when it is first needed, because that
takes two seconds that a run of cached steps need not spend.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from data.home import Home
from tracking.patience import MlflowUnreachableError, reason
from tracking.shown_uri import shown
from tracking.transient import is_transient

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

URI_VARIABLE = "MLFLOW_TRACKING_URI"
PAGES_VARIABLE = "FLIPBOOK_MLFLOW_PAGES"
EXPERIMENT = "flipbook"
ANSWER_SECONDS = 30  # for MLflow's server to begin its answer
TRAINING_VIEW = "?workflowType=machine_learning"  # ends a page's address; else the pages are those for language models
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # opens MLflow's view for trainings
    "mlflow.note.content": "Trainings of the text-to-video GAN and evaluations of its versions. "
    "A training holds its losses, sample grids and model; an evaluation holds scores, videos and the report.",
}


def tracking_uri(home: Home) -> str:
    """URI of the MLflow store: ``MLFLOW_TRACKING_URI`` where set, else SQLite in `home`.

    A server's is without user and password; those of a database stay in it.
    """
    uri = os.environ.get(URI_VARIABLE) or _sqlite_uri(home)
    return shown(uri) if is_remote(uri) else uri


def mlflow_pages(home: Home) -> str | None:
    """Where browsers find MLflow's pages, without a slash at the end; None where no server is known.

    ``FLIPBOOK_MLFLOW_PAGES`` says it where browsers reach the server by another address than this process does.
    """
    uri = os.environ.get(PAGES_VARIABLE) or tracking_uri(home)
    return shown(uri).rstrip("/") if is_remote(uri) else None


def backend_uri(home: Home) -> str:
    """URI of the database behind a server of the home: ``MLFLOW_TRACKING_URI`` where it names one, else SQLite."""
    uri = tracking_uri(home)
    return _sqlite_uri(home) if is_remote(uri) else uri


def artifact_root(home: Home) -> Path:
    """Folder of the artifacts of a store that this machine writes itself (no server in between)."""
    return home.root / "mlartifacts"


@contextmanager
def mlflow_lock(home: Home) -> Iterator[None]:
    """Hold `home`'s MLflow lock: it keeps other processes from changing the registry or creating the store meanwhile.

    The operating system releases it when the holder ends, however it ends.
    """
    path = home.locks / "mlflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def open_store(home: Home) -> MlflowClient:
    """A client of `home`'s store, whose database is created (about 3 s, once) or migrated under a lock.

    Never call it while holding :func:`mlflow_lock`.

    Raises:
        tracking.patience.MlflowUnreachableError: the server does not answer.
        mlflow.exceptions.MlflowException: the store cannot be opened.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read as mlflow is imported
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # the command line draws its own bars
    # By default MLflow tries for four minutes, in silence, before it says that nobody answers. Tasks that may wait do
    # so by themselves, and look again what is there before they ask for a run or a version a second time.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(ANSWER_SECONDS))
    _keep_password_out_of_uri()
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # else two lines of table creation
    with mlflow_lock(home):
        client = MlflowClient(tracking_uri=tracking_uri(home))
        with _clearly_unreachable(tracking_uri(home)):
            client.search_experiments(max_results=1)  # the first query creates the tables
    return client


def _keep_password_out_of_uri() -> None:
    """Gives the user and the password in a server's URI to MLflow by the variables that it has for them.

    MLflow's errors quote the URI that they come from, and Prefect keeps the errors of runs.
    """
    uri = os.environ.get(URI_VARIABLE, "")
    parts = urlparse(uri)
    if is_remote(uri) and parts.username and parts.password:
        os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password)
        os.environ[URI_VARIABLE] = shown(uri)


@contextmanager
def _clearly_unreachable(uri: str) -> Iterator[None]:
    """Says in a line which server does not answer, in place of what the HTTP library says."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not is_remote(uri) or not is_transient(error):
            raise
        raise MlflowUnreachableError(
            f"MLflow at {shown(uri)} does not answer ({reason(error)}). "
            f"Start the server, or set {URI_VARIABLE} to another store."
        ) from error


@contextmanager
def as_default_store(home: Home) -> Iterator[None]:
    """Make `home`'s store MLflow's default for the moment.

    The SQL registry looks up a version's logged model in the default store, whatever store its client was made for.
    Enter it within :func:`mlflow_lock` only, as it sets an environment variable.
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


def _sqlite_uri(home: Home) -> str:
    return f"sqlite:///{home.root / 'mlflow.db'}"


def is_remote(uri: str) -> bool:
    """Whether a server stands between this machine and the store; it then decides where artifacts lie."""
    return urlparse(uri).scheme in ("http", "https") or uri.startswith("databricks")


def ensure_experiment(client: MlflowClient, home: Home) -> Experiment:
    """The experiment that holds all trainings and evaluations; created, or restored if somebody deleted it."""
    with mlflow_lock(home):
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = None if is_remote(tracking_uri(home)) else artifact_root(home).as_uri()
            identity = client.create_experiment(EXPERIMENT, artifact_location=location, tags=EXPERIMENT_TAGS)
            return client.get_experiment(identity)
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return experiment


def run_with_tags(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Run | None:
    """The run with these tags, whole or begun: a finished one first, else the oldest."""
    found = client.search_runs([experiment], " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items()))
    return min(found, key=lambda run: (run.info.status != "FINISHED", run.info.start_time), default=None)
