"""What the tests of several rooms share."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from data.home import Home

# A test must not fail because the machine is busy, so no example has a time limit.
settings.register_profile("flipbook", deadline=None, max_examples=40)
settings.load_profile("flipbook")


DATABASES = {
    "prefect.db": "import asyncio; from prefect.server.database import provide_database_interface as interface;"
    "asyncio.run(interface().create_db())",
    "mlflow.db": "from mlflow import MlflowClient; MlflowClient('sqlite:///mlflow.db').search_experiments()",
}


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty databases as Prefect and MLflow create them, made once for all processes of a test run.

    Creating them takes 10 and 4 seconds of a core, and most tests are about something else.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "databases"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            made = tmp_path_factory.mktemp("databases")
            url = "sqlite+aiosqlite:///prefect.db"
            environment = os.environ | {"PREFECT_HOME": str(made), "PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
            for code in DATABASES.values():
                subprocess.run([sys.executable, "-c", code], cwd=made, env=environment, check=True, capture_output=True)
            folder.mkdir()
            for name in DATABASES:
                with closing(sqlite3.connect(made / name)) as source, closing(sqlite3.connect(folder / name)) as copy:
                    source.backup(copy)
    return folder


@pytest.fixture(scope="session")
def prepared(databases: Path) -> Callable[[Path], Home]:
    """Make a home in a folder. Its databases exist already."""

    def prepare(root: Path) -> Home:
        home = Home.at(root).create()
        home.prefect.mkdir(exist_ok=True)
        shutil.copy(databases / "prefect.db", home.prefect)
        shutil.copy(databases / "mlflow.db", home.root)
        return home

    return prepare


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"mounting is not permitted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
