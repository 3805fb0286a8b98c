"""Registers the project on the Prefect server that PREFECT_API_URL names; doing it again brings it up to date.

    python -m flows.setup

It makes the work pools `cpu` and `gpu`, the deployments of prefect.yaml, and the automations. What a
person has changed on the server's pages stays: limits of pools and deployments, schedules that were added, which
schedules and automations are on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.servers.automations import ensure_automations
from tracking.shown_uri import shown, shown_text

ROOT = Path(__file__).resolve().parents[1]
PREFECT_FILE = Path(__file__).with_name("prefect.yaml")  # a link in a checkout, a file where a wheel is installed
LONGEST_ANSWER = 300  # characters
EXAMPLE_URL = "http://127.0.0.1:4200/api"
POOLS = (
    WorkPoolCreate(
        name="cpu",
        type="process",
        description="Clips, evaluations, and pipelines that hand their training to the pool gpu.",
    ),
    WorkPoolCreate(
        name="gpu",
        type="process",
        description="Trainings, one at a time. A worker without a GPU trains on its CPU and says so.",
        concurrency_limit=1,
    ),
)


class SetupError(RuntimeError):
    """The project could not be registered; the message says what the server or Prefect answered."""


def main() -> None:
    """Register everything. Exit code 1 with a sentence where that fails."""
    if not os.environ.get("PREFECT_API_URL"):
        sys.exit(f"Error: set PREFECT_API_URL to the server's API, as in {EXAMPLE_URL}")
    try:
        register_all()
    except (SetupError, httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError) as error:
        sys.exit(f"Error: {_in_words(error)}")


def register_all() -> None:
    """Bring the server up to date with this checkout.

    Raises:
        SetupError: prefect.yaml was refused.
        httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError: the server does not answer, or not as Prefect does.
    """
    with get_client(sync_client=True) as client:
        for pool in POOLS:
            _ensure_pool(client, pool)
        _deploy(client)
    ensure_automations()


def _ensure_pool(client: SyncPrefectClient, pool: WorkPoolCreate) -> None:
    try:
        client.read_work_pool(pool.name)
    except ObjectNotFound:
        client.create_work_pool(pool)


def _deploy(client: SyncPrefectClient) -> None:
    """Deploy prefect.yaml, with schedules and limits where a deployment is new; later on both are the server's.

    A schedule in the file would remove those that were added on the pages, and be switched on or off as the file says.
    """
    content = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))
    switched_off = _triggers_switched_off(client)
    for item in content["deployments"]:
        known = _deployed(client, item)
        if known is not None:
            item.pop("schedules", None)
            item["concurrency_limit"] = _limit_of(known)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(content, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file.name],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SetupError(f"prefect deploy refused prefect.yaml:\n{done.stdout}{done.stderr}")
    for trigger in client.read_automations():
        if trigger.name in switched_off:
            client.pause_automation(trigger.id)


def _triggers_switched_off(client: SyncPrefectClient) -> set[str]:
    """Names of automations that somebody has switched off: deploying makes those of the triggers anew, switched on."""
    return {automation.name for automation in client.read_automations() if not automation.enabled}


def _full_name(item: dict[str, Any]) -> str:
    return f"{item['entrypoint'].split('.')[-2]}/{item['name']}"  # each flow is named as its module


def _deployed(client: SyncPrefectClient, item: dict[str, Any]) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(_full_name(item))
    except ObjectNotFound:
        return None


def _limit_of(deployment: DeploymentResponse) -> dict[str, Any] | None:
    """How many runs of it may be on at once, as prefect.yaml would say it."""
    limit, options = deployment.global_concurrency_limit, deployment.concurrency_options
    if limit is None:
        return None
    return {"limit": limit.limit} | ({"collision_strategy": options.collision_strategy.value} if options else {})


def _in_words(error: Exception) -> str:
    """What keeps the project from being registered, and what to do."""
    url = shown(os.environ["PREFECT_API_URL"])
    if isinstance(error, SetupError):
        return str(error)
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    if status == httpx.codes.UNAUTHORIZED:
        return f"The Prefect server at {url} asks for a password: set PREFECT_API_AUTH_STRING to user:password."
    if status == httpx.codes.NOT_FOUND or isinstance(error, json.JSONDecodeError):
        return f"What answers at {url} is no Prefect API. PREFECT_API_URL ends in /api, as in {EXAMPLE_URL}"
    if isinstance(error, httpx.HTTPStatusError):
        asked = f"{error.request.method} {error.request.url.path}"
        answer = error.response.text[:LONGEST_ANSWER]
        return f"The Prefect server at {url} answered {status} to {asked}: {answer}"
    return f"No Prefect server answers at {url} ({shown_text(str(error))}). Start it, or correct PREFECT_API_URL."


if __name__ == "__main__":
    main()
