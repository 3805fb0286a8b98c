"""Whether servers answer and workers are online. Needs no Prefect, whose import takes seconds."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

from flows.servers.addresses import Addresses
from flows.servers.programs import PREFECT, WORKERS, worker_name

ANSWER_SECONDS = 5.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach this machine's loopback


def ask(url: str, content: object = None, *, seconds: float = ANSWER_SECONDS) -> Any:
    """The JSON that a server on this machine answers.

    Args:
        url: full address.
        content: what to post as JSON. Without it the request is a GET.
        seconds: how long to wait for the answer.

    Raises:
        OSError: there is no answer, or it is an error.
    """
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with _direct.open(request, timeout=seconds) as answer:
        return json.load(answer)


def server_answers(name: str, addresses: Addresses) -> bool:
    """Whether the server `name` works."""
    url = f"{addresses.prefect_api}/health" if name == PREFECT else f"{addresses.mlflow}/health"
    try:
        with _direct.open(url, timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def worker_is_online(name: str, addresses: Addresses, *, since: datetime) -> bool:
    """Whether the worker `name` has told Prefect's server after `since` (in UTC) that it waits for runs."""
    pool, _ = WORKERS[name]
    try:
        workers = ask(f"{addresses.prefect_api}/work_pools/{pool}/workers/filter", {})
    except OSError:
        return False
    beats = [worker["last_heartbeat_time"] for worker in workers if worker["name"] == worker_name(pool)]
    return any(datetime.fromisoformat(beat).astimezone(UTC) > since for beat in beats if beat)
