"""deploy/compose.yaml as Docker's own compose reads it, and its services as processes of this machine."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE_FILE = DEPLOY / "compose.yaml"
SCRIPTS = Path(sys.executable).parent


class ComposeError(ValueError):
    """Compose refused the file; the message is its output."""


def empty_settings() -> list[str]:
    """Names of the settings that are empty in deploy/.env.example: passwords and keys."""
    return re.findall(r"^([A-Z0-9_]+)=$", (DEPLOY / ".env.example").read_text(), re.MULTILINE)


def filled_settings() -> dict[str, str]:
    """The settings of somebody who has followed deploy/.env.example, with the profile s3."""
    return {"COMPOSE_PROFILES": "s3,no-gpu"} | {name: secrets.token_hex(24) for name in empty_settings()}


def rendered(settings: Mapping[str, str], *, file: Path = COMPOSE_FILE) -> dict[str, Any]:
    """The configuration that Docker's compose makes of `file` and `settings`. Raises ComposeError if it refuses."""
    with tempfile.NamedTemporaryFile("w", suffix=".env") as written:
        written.writelines(f"{name}={value}\n" for name, value in settings.items())
        written.flush()
        command = [SCRIPTS / "docker-compose", "--file", file, "--env-file", written.name]
        done = subprocess.run(
            [*command, "config", "--format", "json"],
            env=plain_environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    if done.returncode:
        raise ComposeError(done.stderr)
    return dict(json.loads(done.stdout.replace("$$", "$")))


def plain_environment() -> dict[str, str]:
    """This process's environment without variables of Prefect, MLflow, PostgreSQL, S3 and Flipbook."""
    ours = ("PREFECT_", "MLFLOW_", "FLIPBOOK_", "PG", "POSTGRES_", "AWS_", "S3_", "COMPOSE_", "RCLONE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
