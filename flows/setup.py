"""Registers the project on the Prefect server that PREFECT_API_URL names.

    python -m flows.setup

It makes the work pools `cpu` and `gpu`, the deployments of prefect.yaml, and the automations. Run it again after an
update. Limits, added schedules, and switches that a person has changed on the server's pages stay as they are.
"""

from __future__ import annotations

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
from flows.servers.heartbeat import OUR_TAG
from flows.servers.reachable import EXAMPLE_URL, UnreachableError, in_words, wait_for_server

ROOT = Path(__file__).resolve().parents[1]
PREFECT_FILE = Path(__file__).with_name("prefect.yaml")  # a link in a checkout, a file where a wheel is installed
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
    """Prefect refused prefect.yaml; the message holds its answer."""


def main() -> None:
    """Register everything. Exit code 1 with a sentence if that fails."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        sys.exit(f"Error: set PREFECT_API_URL to the server's API, as in {EXAMPLE_URL}")
    try:
        wait_for_server(url, say=lambda line: print(line, file=sys.stderr))
        register_all()
    except (SetupError, UnreachableError) as error:
        sys.exit(f"Error: {error}")
    except httpx.HTTPError as error:
        sys.exit(f"Error: {in_words(error, url)}")


def register_all() -> None:
    """Bring the server up to date with this checkout.

    Raises:
        SetupError: Prefect refused prefect.yaml.
        httpx.HTTPError: the server does not answer, or refuses.
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
    """Deploy prefect.yaml. Its schedules and limits apply to new deployments only, because later the server keeps them.

    A schedule in the file would remove the schedules that were added on the pages, and would be switched on or off as
    the file says.
    """
    content = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))
    known = {deployment.name: deployment for deployment in client.read_deployments() if OUR_TAG in deployment.tags}
    for item in content["deployments"]:
        if item["name"] in known:
            item.pop("schedules", None)
            item["concurrency_limit"] = _limit_of(known[item["name"]])
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(content, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file.name],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SetupError(f"prefect deploy refused prefect.yaml:\n{done.stdout}{done.stderr}")


def _limit_of(deployment: DeploymentResponse) -> dict[str, Any] | None:
    """How many runs of the deployment may be active at once, in the format of prefect.yaml."""
    limit, options = deployment.global_concurrency_limit, deployment.concurrency_options
    if limit is None:
        return None
    return {"limit": limit.limit} | ({"collision_strategy": options.collision_strategy.value} if options else {})


if __name__ == "__main__":
    main()
