"""Where the servers of a home listen. A file in the home tells this to all other commands."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.files import write_atomically
from data.home import Home

LOOPBACK = "127.0.0.1"
PREFECT_PORT = 4200
MLFLOW_PORT = 5000


class Addresses(BaseModel):
    """The ports of Prefect's and MLflow's servers. Both servers listen on this machine's loopback address only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefect_port: int = Field(PREFECT_PORT, ge=1, le=65535)
    mlflow_port: int = Field(MLFLOW_PORT, ge=1, le=65535)

    @property
    def prefect(self) -> str:
        """Address of Prefect's pages."""
        return f"http://{LOOPBACK}:{self.prefect_port}"

    @property
    def prefect_api(self) -> str:
        """Value of PREFECT_API_URL for clients."""
        return f"{self.prefect}/api"

    @property
    def mlflow(self) -> str:
        """Address of MLflow's pages, and the value of MLFLOW_TRACKING_URI for clients."""
        return f"http://{LOOPBACK}:{self.mlflow_port}"

    def write(self, home: Home) -> None:
        """Tell all commands on `home` that its servers are up."""
        write_atomically(_file(home), self.model_dump_json(indent=2).encode())

    @classmethod
    def read(cls, home: Home) -> Addresses | None:
        """What `write` has told, or None. The servers may have died since."""
        try:
            return cls.model_validate_json(_file(home).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    @staticmethod
    def remove(home: Home) -> None:
        """Take back what `write` has told."""
        _file(home).unlink(missing_ok=True)


def _file(home: Home) -> Path:
    return home.root / "servers.json"
