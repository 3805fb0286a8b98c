"""Whether servers answer and workers are there, asked over HTTP."""

from __future__ import annotations

import base64
import json
import urllib.request
from datetime import UTC, datetime

from flows.services.access import Credentials
from flows.services.addresses import Addresses
from flows.services.programs import PREFECT, WORKERS, worker_name

ANSWER_SECONDS = 5.0


def server_answers(name: str, addresses: Addresses) -> bool:
    """Whether the server `name` works. It says so without a password."""
    url = f"{addresses.prefect_api}/health" if name == PREFECT else f"{addresses.mlflow}/health"
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def worker_is_online(name: str, addresses: Addresses, credentials: Credentials | None, *, since: datetime) -> bool:
    """Whether the worker `name` has told Prefect's server after `since` that it waits for runs."""
    pool, _ = WORKERS[name]
    request = urllib.request.Request(
        f"{addresses.prefect_api}/work_pools/{pool}/workers/filter",
        data=json.dumps({"workers": {"status": {"any_": ["ONLINE"]}}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    if credentials:
        pair = f"{credentials.user}:{credentials.password}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            workers = json.load(answer)
    except OSError:
        return False
    beats = [worker["last_heartbeat_time"] for worker in workers if worker["name"] == worker_name(pool)]
    return any(datetime.fromisoformat(beat).astimezone(UTC) > since for beat in beats)
