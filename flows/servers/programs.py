"""What runs for a home: Prefect's server, MLflow's server, and one worker per work pool. How each is started."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from data.home import Home
from flows.servers.addresses import LOOPBACK, Addresses
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from tracking.store import URI_VARIABLE, artifact_root, backend_uri

PREFECT = "prefect"
MLFLOW = "mlflow"
SERVERS = (PREFECT, MLFLOW)
# Work pool and places of each worker. A pipeline takes a place while it waits for its training. Two pipelines, which is
# their limit in prefect.yaml, leave two places for evaluations. The gpu worker has one: runs that wait on the server
# cost nothing, and runs that wait in a process hold PyTorch's memory.
WORKERS = {"worker-cpu": ("cpu", 4), "worker-gpu": ("gpu", 1)}
PROGRAMS = (*SERVERS, *WORKERS)
SLOT_POLL_SECONDS = 5  # how often a run that waits for its deployment's limit asks again; by default half a minute


@dataclass(frozen=True)
class Program:
    """How one of the programs is started."""

    command: tuple[str, ...]
    settings: dict[str, str]
    """Environment variables that it gets in addition to `environment.child_environment`."""


def program(name: str, home: Home, addresses: Addresses) -> Program:
    """The program `name`, one of PROGRAMS."""
    if name == PREFECT:
        return _prefect(home, addresses)
    if name == MLFLOW:
        return _mlflow(home, addresses)
    return _worker(name, home, addresses)


def log_file(name: str, home: Home) -> Path:
    """What the program prints. Older output lies beside it."""
    return home.logs / f"{name}-server.log" if name in SERVERS else home.logs / f"{name}.log"


def worker_name(pool: str) -> str:
    """What Prefect calls this machine's worker of a work pool."""
    return f"{pool}-{socket.gethostname()}"


def server_settings(home: Home) -> dict[str, str]:
    """Settings of any Prefect server on the home's history. It works in the folder `home.prefect`.

    The database is given relative to that folder, so no character of the home's path has a meaning in the URL. In that
    folder lies no `.env`, prefect.toml or pyproject.toml either, which would change the settings.
    """
    return {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///prefect.db",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Without these three, task runs that end together are missing from the history.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": str(SLOT_POLL_SECONDS),
        # Automations forget what they wait for a minute after its time. That time may pass while no server runs.
        "PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER": "P7D",
    }


def client_settings(home: Home, addresses: Addresses) -> dict[str, str]:
    """Settings of a process that uses the servers."""
    return {
        "PREFECT_HOME": str(home.prefect),  # the user's own folder may hold a profile with another server
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # never start a second server by accident
        URI_VARIABLE: addresses.mlflow,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }


def _prefect(home: Home, addresses: Addresses) -> Program:
    port = str(addresses.prefect_port)
    settings = {
        **server_settings(home),
        "PREFECT_SERVER_API_HOST": LOOPBACK,
        "PREFECT_SERVER_API_PORT": port,
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_UI_API_URL": "/api",  # the pages call the address from which the browser has loaded them
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": addresses.prefect,
        # The limits of deployments are kept in files. In memory they would stay used up after a restart of the server.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }
    command = (sys.executable, "-P", "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", port)
    return Program(command, settings)


def _mlflow(home: Home, addresses: Addresses) -> Program:
    backend = backend_uri(home)
    settings = {
        URI_VARIABLE: backend,
        "MLFLOW_BACKEND_STORE_URI": backend,  # not on the command line: it may hold the password of a database
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # this only serves language models, and costs processes
    }
    command = (
        *(sys.executable, "-P", "-m", "mlflow", "server"),
        *("--serve-artifacts", "--artifacts-destination", artifact_root(home).as_uri()),
        *("--host", LOOPBACK, "--port", str(addresses.mlflow_port), "--workers", "1"),
    )
    return Program(command, settings)


def _worker(name: str, home: Home, addresses: Addresses) -> Program:
    pool, runs = WORKERS[name]
    settings = {
        **client_settings(home, addresses),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flipbook",
    }
    command = (
        *(sys.executable, "-P", "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"),
        *("--name", worker_name(pool), "--limit", str(runs), "--install-policy", "never"),
    )
    return Program(command, settings)
