"""Checks of MLflow's settings before any work: each problem is one sentence with the setting and what to do."""

from __future__ import annotations

from tracking.shown_uri import shown, shown_text

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
OLDEST_SERVER = 3  # major version; older servers know no logged models
CHECK_SECONDS = 60  # a server opens its store at the first request, which takes long on a busy machine


class StoreError(RuntimeError):
    """MLflow's settings or its store cannot be used; the message says which setting is wrong and what to do."""


class StoreUnreachableError(StoreError, ConnectionError):
    """The MLflow server or database does not answer now. It may answer later."""


def reason(error: BaseException) -> str:
    """The cause of `error` in a few words: the innermost error of its chain says most."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return shown_text(words.splitlines()[0])


def check_address(uri: str, *, variable: str) -> None:
    """Raise StoreError unless `uri`, the value of `variable`, is the address of a server or a database."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if uri.startswith(("http://", "https://")):
        return
    try:
        kind = make_url(uri).get_backend_name()
    except ArgumentError:
        kind = ""
    if kind not in DATABASES:
        raise StoreError(
            f"{variable} (from the environment) is {shown(uri)!r}, which is the address of no MLflow server and of no "
            f"database. Set it to http://HOST:PORT or sqlite:////PATH/mlflow.db, or unset it to use the home's store."
        )


def check_server(uri: str, *, variable: str) -> None:
    """Raise StoreError unless an MLflow server of at least version 3 answers at `uri` and accepts the password."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    named = f"{variable} (from the environment) names {uri}"
    try:
        creds = get_default_host_creds(uri)
        answer = http_request(creds, "/version", "GET", max_retries=0, timeout=CHECK_SECONDS, raise_on_status=False)
        experiments = http_request(
            creds, "/api/2.0/mlflow/experiments/search", "POST",
            json={"max_results": 1}, max_retries=0, timeout=CHECK_SECONDS, raise_on_status=False,
        )  # fmt: skip
    except (MlflowException, OSError) as error:
        raise StoreUnreachableError(
            f"{named}, but MLflow does not answer there ({reason(error)}). Start the server, or set {variable} to "
            "another store."
        ) from error
    for status in (answer.status_code, experiments.status_code):
        if status in (401, 403):
            raise StoreError(
                f"{named}, which refuses the user or the password (HTTP {status}). "
                "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
            )
        if status >= 500:
            raise StoreUnreachableError(f"{named}, which answers with HTTP {status}. Look into the log of that server.")
    major = answer.text.strip().partition(".")[0]
    if answer.status_code != 200 or not major.isdigit():
        raise StoreError(f"{named}, where no MLflow server answers but another program. Set {variable} to MLflow's.")
    if int(major) < OLDEST_SERVER:
        from mlflow.version import VERSION

        raise StoreError(
            f"{named}, which runs MLflow {answer.text.strip()}, but Flipbook, with MLflow {VERSION}, needs a server of "
            f"MLflow {OLDEST_SERVER} or newer. Upgrade that server."
        )


def check_database(uri: str, *, variable: str) -> None:
    """Raise StoreError unless the driver of the database at `uri` is installed and the database can be reached."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    named = f"{variable} (from the environment) names {shown(uri)}"
    try:
        engine = create_engine(uri)
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError(
            f"{named}, but the database driver is not installed ({reason(error)}). "
            "Install it, for PostgreSQL with `pip install 'flipbook[server]'`."
        ) from error
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{named}, which cannot be used ({reason(error)}). Correct {variable}.") from error
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise StoreUnreachableError(
            f"{named}, but the database does not accept the connection ({reason(error.orig or error)}). "
            f"Start it, or correct {variable}."
        ) from error
    finally:
        engine.dispose()
