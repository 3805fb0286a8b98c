"""Whether servers answer and workers are there, asked over HTTP."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime

from flows.servers.addresses import Addresses
from flows.servers.prefect_api import ANSWER_SECONDS, ask
from flows.servers.programs import PREFECT, WORKERS, worker_name


def server_answers(name: str, addresses: Addresses) -> bool:
    """Whether the server `name` works. It says so without a password."""
    url = f"{addresses.prefect_api}/health" if name == PREFECT else f"{addresses.mlflow}/health"
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def worker_is_online(name: str, settings: Mapping[str, str], *, since: datetime) -> bool:
    """Whether the worker `name` has told Prefect's server after `since` that it waits for runs.

    Args:
        name: one of WORKERS.
        settings: a client's variables.
        since: in UTC.
    """
    pool, _ = WORKERS[name]
    try:
        workers = ask(f"{settings['PREFECT_API_URL']}/work_pools/{pool}/workers/filter", settings, {})
    except OSError:
        return False
    beats = [worker["last_heartbeat_time"] for worker in workers if worker["name"] == worker_name(pool)]
    return any(datetime.fromisoformat(beat).astimezone(UTC) > since for beat in beats if beat)
