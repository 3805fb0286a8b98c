"""The servers of deploy/compose.yaml as processes of this machine, with its commands but other addresses."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from deployment import DEPLOY, filled_settings, rendered
from postgres_cluster import Cluster, binaries, postgres_cluster
from processes import free_port, serving


@dataclass(frozen=True)
class Address:
    """Where a server answers, and the folder of its files."""

    url: str
    folder: Path


@pytest.fixture(scope="session")
def settings() -> dict[str, str]:
    """The passwords that deploy/.env would hold."""
    return filled_settings()


@pytest.fixture(scope="session")
def services(settings: dict[str, str]) -> dict[str, Any]:
    """All services of the compose file, in any profile."""
    return dict(rendered(settings | {"COMPOSE_PROFILES": "s3,gpu,no-gpu"})["services"])


@pytest.fixture(scope="module")
def postgres(settings: dict[str, str]) -> Iterator[Cluster]:
    """A real PostgreSQL server with the two databases."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; on Debian or Ubuntu: apt-get install postgresql")
    with postgres_cluster(settings) as cluster:
        yield cluster


@dataclass(frozen=True)
class PrefectServer:
    """The service `prefect`. It can be started again, on the same database and folder."""

    services: Mapping[str, Any]
    postgres: Cluster
    folder: Path
    port: int
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """Address of its API."""
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        """Start the server, and return once it answers."""
        service = self.services["prefect"]
        environment = {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(self.folder / "ui"),
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_SERVER_UI_API_URL": self.url,
            "PREFECT_SERVER_DATABASE_HOST": self.postgres.host,
            "PREFECT_SERVER_DATABASE_PORT": str(self.postgres.port),
        }
        self._running.enter_context(
            serving(
                service["command"],
                service["environment"] | environment,
                health=f"{self.url}/ready",
                log=self.folder / "server.log",
            )
        )

    def stop(self) -> None:
        """Stop the server."""
        self._running.close()


@pytest.fixture(scope="module")
def prefect(
    services: dict[str, Any], postgres: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrefectServer]:
    """The service `prefect` on PostgreSQL, running."""
    server = PrefectServer(services, postgres, tmp_path_factory.mktemp("prefect"), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(services: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The service `s3`: a real S3 server whose objects are files in the folder."""
    service, folder, address = services["s3"], tmp_path_factory.mktemp("objects"), f"127.0.0.1:{free_port()}"
    (script,) = service["command"]
    command = [*service["entrypoint"], script.replace("/data", str(folder)).replace(":8080", address)]
    log = tmp_path_factory.mktemp("logs") / "s3.log"
    with serving(command, service["environment"], health=f"tcp://{address}", log=log):
        yield Address(f"http://{address}", folder)


@pytest.fixture(scope="module")
def mlflow(
    services: dict[str, Any], postgres: Cluster, store: Address, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """The service `mlflow` on PostgreSQL and the S3 server."""
    service, port, folder = services["mlflow"], str(free_port()), tmp_path_factory.mktemp("mlflow")
    changed = {"0.0.0.0": "127.0.0.1", "5000": port}
    environment = {
        "PGHOST": postgres.host,
        "PGPORT": str(postgres.port),
        "MLFLOW_S3_ENDPOINT_URL": store.url,
        "MLFLOW_AUTH_CONFIG_PATH": str(DEPLOY / "mlflow-auth.ini"),
    }
    url = f"http://127.0.0.1:{port}"
    with serving(
        [changed.get(word, word) for word in service["command"]],
        service["environment"] | environment,
        health=f"{url}/health",
        log=folder / "server.log",
    ):
        yield Address(url, folder)


@pytest.fixture(scope="module")
def worker_environment(services: dict[str, Any], prefect: PrefectServer, mlflow: Address) -> dict[str, str]:
    """The environment of a worker in the compose file. The test chooses the home."""
    changed = {"PREFECT_API_URL": prefect.url, "MLFLOW_TRACKING_URI": mlflow.url}
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    return dict(services["worker-cpu"]["environment"] | changed | threads)
