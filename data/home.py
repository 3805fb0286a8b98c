"""The home: the one folder that holds everything a project makes, so that it can be moved, copied or deleted as one."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

HOME_VARIABLE = "FLIPBOOK_HOME"
DEFAULT_HOME = ".flipbook"


class HomeError(OSError):
    """The home cannot be used. The message says why, and what to do."""


class Home(BaseModel):
    """The folders of a home. What lies in them is named by its content, and holds no path of the home itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path = Field(description="Absolute path of the home folder.")

    @classmethod
    def from_environment(cls) -> Home:
        """The folder that FLIPBOOK_HOME names; `.flipbook` in the working directory by default."""
        return cls.at(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME)

    @classmethod
    def at(cls, root: Path | str) -> Home:
        """The home in `root`. Relative paths and `~` are made absolute.

        Raises:
            HomeError: `root` is a URL.
        """
        scheme, separator, _ = str(root).partition(":/")
        if separator and scheme.isalnum() and len(scheme) > 1:
            raise HomeError(
                f"The home {root} is a URL, and a home has to be a folder. Set {HOME_VARIABLE} or --home to a folder."
            )
        return cls(root=Path(root).expanduser().resolve())

    def create(self) -> Home:
        """Make the folders that are missing, and return the home.

        A home that cannot be written is fine as long as its folders exist: models can be drawn with from there.

        Raises:
            HomeError: a folder is missing and cannot be made.
        """
        try:
            for folder in (self.datasets, self.checkpoints, self.evaluations, self.locks):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"cannot write the home folder {self.root} ({error.strerror or error}); "
                f"set {HOME_VARIABLE} to a folder that you may write"
            ) from error
        return self

    @property
    def datasets(self) -> Path:
        """One folder per data set: shards and their manifest."""
        return self.root / "datasets"

    @property
    def checkpoints(self) -> Path:
        """One folder per training: its checkpoints, and `final` once it has ended."""
        return self.root / "checkpoints"

    @property
    def evaluations(self) -> Path:
        """One folder per evaluation: its report and videos."""
        return self.root / "evaluations"

    @property
    def models(self) -> Path:
        """One folder per model that was fetched from an MLflow server, named by the model's id."""
        return self.root / "models"

    @property
    def locks(self) -> Path:
        """Lock files. They are empty, and safe to delete while nothing runs."""
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
        """What `flipbook up` knows of the servers and workers that it has started."""
        return self.root / "up"
