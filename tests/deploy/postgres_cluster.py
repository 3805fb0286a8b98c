"""A PostgreSQL server for the tests, in a temporary folder, with the databases of the deployment."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from deployment import DEPLOY, plain_environment
from processes import ended, free_port

START_SECONDS = 60
SUPERUSER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """A running server that asks everybody for a password."""

    port: int
    host: str = "127.0.0.1"

    def connect(self, user: str, password: str, database: str) -> psycopg.Connection:
        """A connection. Raises psycopg.OperationalError if the server refuses it."""
        return psycopg.connect(
            host=self.host, port=self.port, user=user, password=password, dbname=database, connect_timeout=10
        )


def binaries() -> Path | None:
    """The folder of the newest initdb and postgres; None if PostgreSQL is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres_cluster(settings: Mapping[str, str]) -> Iterator[Cluster]:
    """A new server with the databases of deploy/postgres-databases.sh, stopped and deleted after the block.

    Args:
        settings: the passwords, by the names of deploy/.env.example.
    """
    folder = binaries()
    assert folder is not None
    # Not pytest's folder: only this user may enter that, and PostgreSQL refuses to run as root.
    with tempfile.TemporaryDirectory(prefix="flipbook-postgres-") as root:
        data, password = Path(root, "data"), Path(root, "password")
        password.write_text(settings["POSTGRES_PASSWORD"])
        for path in (Path(root), password):
            if as_other_user():
                shutil.chown(path, "postgres", "postgres")
        subprocess.run(
            [
                *as_other_user(), folder / "initdb", "--pgdata", data, "--username", SUPERUSER, "--pwfile", password,
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync",
            ],
            cwd=root, env=plain_environment(), check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        cluster = Cluster(free_port())
        options = {
            "listen_addresses": cluster.host,
            "port": cluster.port,
            "unix_socket_directories": root,
            "fsync": "off",
        }
        log = Path(root, "log")
        with log.open("wb") as output:
            server = subprocess.Popen(
                [
                    *as_other_user(), folder / "postgres", "-D", data,
                    *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
                ],
                cwd=root, env=plain_environment(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        with ended(server):
            _wait(cluster, server, settings["POSTGRES_PASSWORD"], log)
            subprocess.run(
                [DEPLOY / "postgres-databases.sh"],
                env=plain_environment()
                | settings
                | {"PGHOST": cluster.host, "PGPORT": str(cluster.port), "PGPASSWORD": settings["POSTGRES_PASSWORD"]},
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            yield cluster


def as_other_user() -> list[str]:
    """The beginning of a command that PostgreSQL's own user runs, if this process belongs to root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


def _wait(cluster: Cluster, server: subprocess.Popen[bytes], password: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            cluster.connect(SUPERUSER, password, "postgres").close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start ({error}). Its log:\n{log.read_text()}") from error
            time.sleep(0.1)
