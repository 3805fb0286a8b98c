"""The environment variables of this command and of the processes that it starts.

Three things are the same for all of them. Loopback addresses bypass proxies. There is a home directory, because Prefect
asks for one when it is imported. And Python does not import from the working directory, where the user's own files lie.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from data.home import HOME_VARIABLE, Home

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
FOREIGN = (
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_DATABASE",
    "PREFECT_API_KEY",
    "PREFECT_PROFILE",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_SERVER_DATABASE",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
"""Beginnings of the variables that describe other servers than ours."""


def prepare_this_process(home: Home) -> None:
    """Set what this process needs in `os.environ`. Only the entry of a command calls it, before Prefect is imported."""
    os.environ.update(_needed_everywhere(home, os.environ))


def child_environment(home: Home, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that serves `home`: the shell's, without foreign servers, and with `settings`.

    Temporary files lie in the home too. Prefect gives some of them fixed names, which another user's processes may
    already have taken in a shared folder.
    """
    temporary = home.root / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **kept,
        **_needed_everywhere(home, kept),
        HOME_VARIABLE: str(home.root),
        "TMPDIR": str(temporary),
        "PYTHONSAFEPATH": "1",  # as `python -P`, for the processes that our processes start too
        "PYTHONPATH": os.pathsep.join(filter(None, (_code_folder(), os.environ.get("PYTHONPATH")))),
        "DO_NOT_TRACK": "1",
        **settings,
    }


def _needed_everywhere(home: Home, environment: Mapping[str, str]) -> dict[str, str]:
    no_proxy = ",".join(filter(None, (environment.get("no_proxy") or environment.get("NO_PROXY"), *LOOPBACK_NAMES)))
    settings = {"no_proxy": no_proxy, "NO_PROXY": no_proxy}
    try:
        Path.home()
    except RuntimeError:  # there is no HOME, and the system does not know the user
        settings["HOME"] = str(home.root)
    return settings


def _code_folder() -> str:
    """The folder of this very code. Processes find it there, whatever folder they work in."""
    return str(Path(__file__).resolve().parents[2])
