"""Who may use the servers: everybody on this machine, or who knows the password of FLIPBOOK_PASSWORD.

The password travels in environments only, which the system shows to nobody but their user: never on a command line,
where `ps` shows it, and never in a file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data.files import atomic_path
from data.home import Home
from flows.servers.addresses import is_loopback

PASSWORD_VARIABLE = "FLIPBOOK_PASSWORD"
USER_VARIABLE = "FLIPBOOK_USER"
DEFAULT_USER = "flipbook"
LEAST_CHARACTERS = 12  # MLflow takes none shorter


class AccessError(RuntimeError):
    """The servers would be open to others, or the password cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Credentials:
    """The one user of both servers."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Credentials | None:
        """What FLIPBOOK_USER and FLIPBOOK_PASSWORD say; None without a password.

        Raises:
            AccessError: a server would refuse them.
        """
        password = environment.get(PASSWORD_VARIABLE)
        if not password:
            return None
        user = environment.get(USER_VARIABLE) or DEFAULT_USER
        if ":" in user:
            raise AccessError(f"{USER_VARIABLE} must not hold a colon: it stands between user and password.")
        if len(password) < LEAST_CHARACTERS:
            raise AccessError(f"{PASSWORD_VARIABLE} has fewer than {LEAST_CHARACTERS} characters; choose a longer one.")
        return cls(user, password)

    def for_prefect_server(self) -> dict[str, str]:
        """What Prefect's server has to know."""
        return {"PREFECT_SERVER_API_AUTH_STRING": f"{self.user}:{self.password}"}

    def for_prefect_clients(self) -> dict[str, str]:
        """What a client of Prefect's server has to know."""
        return {"PREFECT_API_AUTH_STRING": f"{self.user}:{self.password}"}

    def for_mlflow_server(self) -> dict[str, str]:
        """What MLflow's server has to know."""
        return {"MLFLOW_AUTH_ADMIN_USERNAME": self.user, "MLFLOW_AUTH_ADMIN_PASSWORD": self.password}

    def for_mlflow_clients(self) -> dict[str, str]:
        """What a client of MLflow's server has to know."""
        return {"MLFLOW_TRACKING_USERNAME": self.user, "MLFLOW_TRACKING_PASSWORD": self.password}


def credentials_for(host: str) -> Credentials | None:
    """The credentials of servers on `host`; None where they need none.

    Raises:
        AccessError: others could reach `host`, and there is no password; or it cannot be used.
    """
    credentials = Credentials.from_environment()
    if credentials is None and not is_loopback(host):
        raise AccessError(
            f"--host {host} lets other machines in: set {PASSWORD_VARIABLE} to a password of {LEAST_CHARACTERS} "
            f"characters or more (and {USER_VARIABLE}, if the user is not to be called {DEFAULT_USER}) and give the "
            "same command again."
        )
    return credentials


def form_key(home: Home) -> str:
    """The key by which MLflow signs its forms: random, made once a home, readable for its owner only."""
    path = home.up / "mlflow-form-key"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text()


def write_private(path: Path, content: str) -> None:
    """Write `content` to `path`, whole or not at all, readable for its owner only.

    Raises:
        data.files.StorageError: it cannot be written.
    """
    with atomic_path(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)


def users_database(home: Home) -> Path:
    """MLflow's users and their hashed passwords."""
    return home.up / "mlflow-users.db"


def mlflow_access_file(home: Home) -> Path:
    """Where MLflow reads how it protects itself; without the password, which comes by its environment."""
    return home.up / "mlflow-access.ini"
