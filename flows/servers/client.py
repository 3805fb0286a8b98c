"""Commands on a home use the servers that run for it, so there is one history and one database."""

from __future__ import annotations

import os
import time

from data.home import Home
from flows.servers.health import server_answers
from flows.servers.lifecycle import Say, running_addresses, wait_while_starting
from flows.servers.programs import SERVERS, client_settings
from tracking.store import URI_VARIABLE

PATIENCE_SECONDS = 60.0  # a server that died is back sooner
POLL_SECONDS = 0.5


class SilentServerError(RuntimeError):
    """A server that should run for the home does not answer; the message names it."""


def use_running_servers(home: Home, say: Say) -> None:
    """Make this process a client of the servers that run for `home`. Without any, nothing changes.

    If the user has set PREFECT_API_URL or MLFLOW_TRACKING_URI, it stays. Servers that are starting are waited for, and
    `say` gets a line about it. Only the entry of a command calls it, before Prefect is imported: it sets `os.environ`.

    Raises:
        SilentServerError: supervisord runs, but a server does not answer. Going on without it would start a second
            server on the same database.
    """
    own_prefect, own_mlflow = not os.environ.get("PREFECT_API_URL"), not os.environ.get(URI_VARIABLE)
    if not own_prefect and not own_mlflow:
        return
    wait_while_starting(home, say)
    addresses = running_addresses(home)
    if addresses is None:
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    for name in SERVERS:
        while not server_answers(name, addresses):
            if time.monotonic() > deadline:
                raise SilentServerError(
                    f"{name} should be running but does not answer. `flipbook status` shows it and its log."
                )
            time.sleep(POLL_SECONDS)
    for name, value in client_settings(home, addresses).items():
        if own_prefect if name.startswith("PREFECT") else own_mlflow:
            os.environ[name] = value
