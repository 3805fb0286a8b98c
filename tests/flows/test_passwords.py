"""A password in the address of a user's own server goes to that server and nowhere else."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from mlflow_server import MlflowServer

from data.home import Home
from tracking.shown_uri import shown, shown_text

ROOT = Path(__file__).parents[2]
PASSWORD = "sentinel/of the tests"
IN_URL = "sentinel%2Fof%20the%20tests"
TRAINING = """
from flows.train import train
from tiny import tiny_config
config = tiny_config(train={"seed": 5})
train(config.world, config.data, config.model, config.train)
"""


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://ada:secret@mlflow.example.org:443/team", "https://mlflow.example.org:443/team"),
        ("https://ada:secret@[2001:db8::7]:5000", "https://[2001:db8::7]:5000"),
        ("http://token@mlflow:5000", "http://mlflow:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("postgresql+psycopg://ada:sec/r#et@db:5432/mlflow?sslpassword=secret", "postgresql+psycopg://db:5432/mlflow"),
        ("postgresql://db/mlflow?password=secret", "postgresql://db/mlflow"),
        ("sqlite:////var/lib/flipbook/mlflow.db", "sqlite:////var/lib/flipbook/mlflow.db"),
        ("sqlite:////home/ada@work/mlflow.db", "sqlite:////home/ada@work/mlflow.db"),
        ("databricks", "databricks"),
        ("ada:secret@db", "ada"),
    ],
)
def test_an_address_is_shown_without_user_and_password(uri: str, expected: str) -> None:
    assert shown(uri) == expected


def test_an_error_that_quotes_an_address_is_shown_without_its_password() -> None:
    text = "401 for 'https://ada:secret@host/api', asked by ada@example.org"
    assert shown_text(text) == "401 for 'https://host/api', asked by ada@example.org"


def run(code: list[str], home: Home, mlflow: str, prefect: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")}
    environment |= {
        "FLIPBOOK_HOME": str(home.root),
        "MLFLOW_TRACKING_URI": mlflow,
        "PREFECT_API_URL": prefect,
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flipbook",
        "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}",
    }
    return subprocess.run(
        [sys.executable, *code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def in_prefect(api: str) -> str:
    """All that Prefect's server keeps of runs, as JSON."""
    pages = []
    for kind in ("flow_runs", "task_runs", "logs", "artifacts"):
        for offset in itertools.count(0, 200):
            page = httpx.post(f"{api}/{kind}/filter", json={"limit": 200, "offset": offset}, timeout=60)
            page.raise_for_status()
            pages.append(page.text)
            if len(page.json()) < 200:
                break
    return "\n".join(pages)


def files_with(folder: Path) -> list[Path]:
    """The files that hold the password, in plain text or encoded as in a URL."""
    words = (PASSWORD.encode(), IN_URL.encode())
    return [path for path in folder.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in words)]


def test_a_password_in_the_address_of_mlflow_reaches_mlflow_alone(prefect_api, home, databases, tmp_path):
    with MlflowServer(tmp_path / "server", password=PASSWORD, database=databases / "mlflow.db") as server:
        assert httpx.get(f"{server.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=x").status_code == 401
        address = server.url.replace("//", f"//admin:{IN_URL}@")
        whole = run(["tests/flows/tiny.py", "{}"], home, address, prefect_api)
        assert whole.returncode == 0, whole.stderr[-3000:]
        refused = run(["-m", "flows.cli.main", "models"], home, address.replace(IN_URL, f"not-{IN_URL}"), prefect_api)
        server.kill()
        failed = run(["-c", TRAINING], home, address, prefect_api)
        listed = run(["-m", "flows.cli.main", "models"], home, address, prefect_api)
        server.start()
    assert failed.returncode != 0
    silent = f"names {server.url}, but MLflow does not answer there"
    assert silent in failed.stderr
    assert silent in listed.stderr
    assert refused.returncode == 1
    assert f"names {server.url}, which refuses the user or the password" in refused.stderr
    known = in_prefect(prefect_api)
    assert f"{server.url}/#/experiments" in known
    assert silent in known
    printed = "".join(done.stdout + done.stderr for done in (whole, refused, failed, listed))
    for text in (known, printed):
        assert PASSWORD not in text
        assert IN_URL not in text
    assert files_with(home.root) == []
    assert files_with(tmp_path / "server") == []
