"""Commands of the shell on the servers that run for their home: one history, one database, one place to look."""

from __future__ import annotations

import os
import time

from data.home import Home
from flows.servers.access import PASSWORD_VARIABLE, AccessError, Credentials
from flows.servers.addresses import Addresses
from flows.servers.health import server_answers
from flows.servers.lifecycle import Say, running_addresses, wait_while_starting
from flows.servers.programs import SERVERS, client_settings
from tracking.store import URI_VARIABLE

PATIENCE_SECONDS = 60.0  # a server that died is there again sooner
POLL_SECONDS = 0.5


class SilentServerError(RuntimeError):
    """A server that should run for the home does not answer; the message names it."""


def use_running_servers(home: Home, say: Say) -> None:
    """Make this process a client of the servers that run for `home`; without any it stays as it is.

    PREFECT_API_URL and MLFLOW_TRACKING_URI, where the user has set them, stay. Servers that are starting are waited
    for, and `say` is given a line about it. Call it before Prefect is imported.

    Raises:
        SilentServerError: supervisord runs, and a server does not answer. To go on without it would put a second
            server on its database.
        AccessError: the servers want a password, and FLIPBOOK_PASSWORD is not set.
    """
    own_prefect, own_mlflow = not os.environ.get("PREFECT_API_URL"), not os.environ.get(URI_VARIABLE)
    if not own_prefect and not own_mlflow:
        return
    wait_while_starting(home, say)
    addresses = running_addresses(home)
    if addresses is None:
        return
    credentials = Credentials.from_environment() if addresses.protected else None
    if addresses.protected and credentials is None:
        raise AccessError(f"The servers of {home.root} want a password: set {PASSWORD_VARIABLE}.")
    for name in SERVERS:
        _wait_for(name, addresses)
    settings = client_settings(home, addresses, credentials)
    for name, value in settings.items():
        if name.startswith("PREFECT") and not own_prefect:
            continue
        if name.startswith("MLFLOW") and not own_mlflow:
            continue
        os.environ[name] = value


def _wait_for(name: str, addresses: Addresses) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not server_answers(name, addresses):
        if time.monotonic() > deadline:
            raise SilentServerError(f"{name} should run and does not answer. `flipbook status` shows it and its log.")
        time.sleep(POLL_SECONDS)
