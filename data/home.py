"""The home: the one folder that holds all state, so that it can be moved, mounted, measured or deleted as one."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

HOME_VARIABLE = "FLIPBOOK_HOME"
DEFAULT_HOME = ".flipbook"


class HomeError(OSError):
    """The home cannot be used: it is no folder, or cannot be written."""


class Home(BaseModel):
    """Where the state lives. Every folder below is named by the content of what is in it, never by a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path = Field(description="Absolute path of the home folder.")

    @classmethod
    def from_environment(cls) -> Home:
        """The folder that FLIPBOOK_HOME names, `.flipbook` in the working directory by default."""
        return cls.at(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME)

    @classmethod
    def at(cls, root: Path | str) -> Home:
        """The home in `root`; relative paths and `~` are made absolute."""
        return cls(root=Path(root).expanduser().resolve())

    def create(self) -> Home:
        """Makes the home's folders and returns the home. Raises HomeError where that is not possible."""
        try:
            for folder in (self.datasets, self.checkpoints, self.evaluations, self.results, self.locks):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"cannot write the home folder {self.root} ({error.strerror or error}); "
                f"set {HOME_VARIABLE} to a folder that you may write"
            ) from error
        return self

    @property
    def datasets(self) -> Path:
        """A folder a data set: shards and their manifest."""
        return self.root / "datasets"

    @property
    def checkpoints(self) -> Path:
        """A folder a training: its checkpoints, and `final` once it has ended."""
        return self.root / "checkpoints"

    @property
    def evaluations(self) -> Path:
        """A folder an evaluation: report and videos."""
        return self.root / "evaluations"

    @property
    def models(self) -> Path:
        """A folder a model that was fetched from an MLflow server, named by the model's id."""
        return self.root / "models"

    @property
    def results(self) -> Path:
        """Prefect's result records: the cache."""
        return self.root / "results"

    @property
    def locks(self) -> Path:
        """Lock files; empty ones, safe to delete while nothing runs."""
        return self.root / "locks"

    @property
    def prefect(self) -> Path:
        """PREFECT_HOME of all servers and workers."""
        return self.root / "prefect"

    @property
    def logs(self) -> Path:
        """What servers and workers print."""
        return self.root / "logs"

    @property
    def up(self) -> Path:
        """What is known of the servers that run for this home; private, for it holds their secrets."""
        return self.root / "up"
