"""What runs for a home: Prefect's and MLflow's servers, and a worker for each work pool. How each is started.

The commands hold no secret. What a program has to know of passwords is in its environment, made as it starts.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.home import HOME_VARIABLE, Home
from flows.servers.access import Credentials, form_key, mlflow_access_file
from flows.servers.addresses import Addresses
from flows.servers.embedded import server_environment
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from tracking.store import PAGES_VARIABLE, URI_VARIABLE, artifact_root, backend_uri

PREFECT = "prefect"
MLFLOW = "mlflow"
SERVERS = (PREFECT, MLFLOW)
# How many runs a worker takes at once. A pipeline waits for the training that it has handed over, so two of them, which
# is their limit in prefect.yaml, make use of one GPU; two more places are left for what must not wait for a training:
# evaluations, the announcer. The gpu worker takes one: a run that waits on the server costs nothing and survives
# everything here, one that waits in a process holds PyTorch's memory, and is lost with it.
WORKERS = {"worker-cpu": ("cpu", 4), "worker-gpu": ("gpu", 1)}
PROGRAMS = (*SERVERS, *WORKERS)

FOREIGN_VARIABLES = (
    "PREFECT_PROFILE",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_SERVER_API_AUTH_STRING",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)


@dataclass(frozen=True)
class Program:
    """How one of the programs is started."""

    name: str
    command: tuple[str, ...]
    settings: dict[str, str]
    """The variables that it gets beside those of the user's shell."""


def without_foreign(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` less what it says of other servers than ours."""
    return {name: value for name, value in environment.items() if name not in FOREIGN_VARIABLES}


def module_path() -> str:
    """PYTHONPATH by which programs and flow runs find this very code, whatever folder they work in."""
    root = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return f"{root}{os.pathsep}{before}" if before else root


def program(name: str, home: Home, addresses: Addresses, credentials: Credentials | None) -> Program:
    """The program `name`, one of PROGRAMS."""
    if name == PREFECT:
        return _prefect(home, addresses, credentials)
    if name == MLFLOW:
        return _mlflow(home, addresses, credentials)
    return _worker(name, home, addresses, credentials)


def log_file(name: str, home: Home) -> Path:
    """What the program prints, with what it printed before beside it."""
    return home.logs / f"{name}-server.log" if name in SERVERS else home.logs / f"{name}.log"


def worker_name(pool: str) -> str:
    """What Prefect calls this machine's worker of a work pool."""
    return f"{pool}-{socket.gethostname()}"


def client_settings(home: Home, addresses: Addresses, credentials: Credentials | None) -> dict[str, str]:
    """Variables of a process that uses the servers."""
    settings = {
        HOME_VARIABLE: str(home.root),
        "PREFECT_HOME": str(home.prefect),  # not the user's own, whose profile may name another server
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # never a second server by accident
        URI_VARIABLE: addresses.mlflow,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "DO_NOT_TRACK": "1",
    }
    if credentials:
        settings |= credentials.for_prefect_clients() | credentials.for_mlflow_clients()
    return settings


def _prefect(home: Home, addresses: Addresses, credentials: Credentials | None) -> Program:
    port = str(addresses.prefect_port)
    settings = {
        **server_environment(home),
        "PREFECT_HOME": str(home.prefect),  # as its clients have it, and as it is locked
        "PREFECT_SERVER_API_HOST": addresses.host,
        "PREFECT_SERVER_API_PORT": port,  # without it the pages call the default port
        "PREFECT_API_URL": addresses.prefect_api,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": _origins(addresses, addresses.prefect_port),
        # In files below PREFECT_HOME, so that a run keeps its slot while the server is started again.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
    }
    if addresses.is_wildcard:
        settings["PREFECT_UI_API_URL"] = "/api"  # under whatever name the browser has reached the pages
    if credentials:
        settings |= credentials.for_prefect_server()
    command = (sys.executable, "-m", "prefect", "server", "start", "--host", addresses.host, "--port", port)
    return Program(PREFECT, command, settings)


def _mlflow(home: Home, addresses: Addresses, credentials: Credentials | None) -> Program:
    backend = backend_uri(home)
    settings = {
        HOME_VARIABLE: str(home.root),
        URI_VARIABLE: backend,
        "MLFLOW_BACKEND_STORE_URI": backend,  # not on the command line: it may hold the password of a database
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # what it is for needs language models; it only costs processes
    }
    if not addresses.is_loopback:
        port = addresses.mlflow_port
        hosts = ",".join(f"{name}:{port}" for name in addresses.names)
        settings["MLFLOW_SERVER_ALLOWED_HOSTS"] = os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS") or hosts
        origins = os.environ.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS") or _origins(addresses, port)
        settings["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = origins
    command = (
        *(sys.executable, "-m", "mlflow", "server"),
        *("--artifacts-destination", artifact_root(home).as_uri()),
        *("--host", addresses.host, "--port", str(addresses.mlflow_port), "--workers", "1"),
        *(("--app-name", "basic-auth") if credentials else ()),
    )
    if credentials:
        settings |= credentials.for_mlflow_server()
        settings["MLFLOW_AUTH_CONFIG_PATH"] = str(mlflow_access_file(home))
        settings["MLFLOW_FLASK_SERVER_SECRET_KEY"] = form_key(home)
    return Program(MLFLOW, command, settings)


def _worker(name: str, home: Home, addresses: Addresses, credentials: Credentials | None) -> Program:
    pool, runs = WORKERS[name]
    settings = {
        **client_settings(home, addresses, credentials),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flipbook",
    }
    if not addresses.is_loopback:
        elsewhere = f"http://{addresses.name_elsewhere}:{addresses.mlflow_port}"
        settings[PAGES_VARIABLE] = os.environ.get(PAGES_VARIABLE) or elsewhere
    command = (
        *(sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"),
        *("--name", worker_name(pool), "--limit", str(runs), "--install-policy", "never"),
    )
    return Program(name, command, settings)


def _origins(addresses: Addresses, port: int) -> str:
    """Whose pages may call the servers: their own, under all their names."""
    return ",".join(f"http://{name}:{port}" for name in addresses.names)
