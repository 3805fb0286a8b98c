"""Where the servers of a home listen, and the file that says so to everything else while they run."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.files import write_atomically
from data.home import Home

LOOPBACK = "127.0.0.1"
PREFECT_PORT = 4200
MLFLOW_PORT = 5000


class Addresses(BaseModel):
    """Where Prefect's and MLflow's servers listen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(LOOPBACK, description="Name or address that the servers bind to.")
    prefect_port: int = Field(PREFECT_PORT, ge=1, le=65535)
    mlflow_port: int = Field(MLFLOW_PORT, ge=1, le=65535)
    protected: bool = Field(False, description="Whether they ask for a password.")

    @property
    def prefect(self) -> str:
        """Prefect's pages, from this machine."""
        return f"http://{self._near}:{self.prefect_port}"

    @property
    def prefect_api(self) -> str:
        """PREFECT_API_URL of clients on this machine."""
        return f"{self.prefect}/api"

    @property
    def mlflow(self) -> str:
        """MLflow's pages, and MLFLOW_TRACKING_URI of clients on this machine."""
        return f"http://{self._near}:{self.mlflow_port}"

    @property
    def name_elsewhere(self) -> str:
        """By which name or address, as it stands in a URL, other machines reach the servers that listen for them."""
        return socket.gethostname() if self.is_wildcard else _in_url(self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the servers."""
        return is_loopback(self.host)

    @property
    def is_wildcard(self) -> bool:
        """Whether the servers listen on every address of this machine."""
        return _is_wildcard(self.host)

    @property
    def names(self) -> tuple[str, ...]:
        """Names and addresses by which browsers may call the servers, as they stand in a URL."""
        if self.is_loopback:
            return tuple(dict.fromkeys(("localhost", LOOPBACK, "[::1]", _in_url(self.host))))
        names = ["localhost", LOOPBACK, "[::1]", socket.gethostname(), socket.getfqdn()]
        if self.is_wildcard:
            names += [_in_url(address) for address in _addresses_of_this_machine()]
        else:
            names.append(_in_url(self.host))
        return tuple(dict.fromkeys(names))

    def write(self, home: Home) -> None:
        """Tell all commands on `home` that the servers are there."""
        write_atomically(_file(home), self.model_dump_json(indent=2).encode())

    @classmethod
    def read(cls, home: Home) -> Addresses | None:
        """What `write` has told; None where no servers were announced. It does not say that they still run."""
        try:
            return cls.model_validate_json(_file(home).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    @staticmethod
    def remove(home: Home) -> None:
        """Take back what `write` has told."""
        _file(home).unlink(missing_ok=True)

    @property
    def _near(self) -> str:
        """The host in URLs of clients on this machine."""
        if self.is_wildcard:
            return "[::1]" if ":" in self.host else LOOPBACK
        return _in_url(self.host)


def is_loopback(host: str) -> bool:
    """Whether servers that bind to `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _addresses_of_this_machine() -> list[str]:
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    found = [entry for entries in psutil.net_if_addrs().values() for entry in entries if entry.family in families]
    return sorted(entry.address.partition("%")[0] for entry in found)


def _file(home: Home) -> Path:
    return home.up / "addresses.json"
