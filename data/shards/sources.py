"""Where the clips of a data set come from, and what follows from it: their layout, and what a model learns of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.importing.config import ImportConfig
from data.shards.config import DataConfig, ShardFormat
from data.shards.layout import ShardLayout, world_layout
from data.subject import CaptionedSubject
from data.worlds.world import WorldConfig


class WorldSource(BaseModel):
    """Clips of a synthetic world, made by this project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["world"] = "world"
    world: WorldConfig
    data: DataConfig

    @property
    def subject(self) -> WorldConfig:
        """The world."""
        return self.world

    @property
    def layout(self) -> ShardLayout:
        """How the clips are stored."""
        return world_layout(self.world, self.data)

    @property
    def format(self) -> ShardFormat:
        """Format of the shards."""
        return self.data.format

    def stored_as(self, format: ShardFormat) -> WorldSource:
        """The same clips in shards of another format."""
        return self.model_copy(update={"data": self.data.model_copy(update={"format": format})})


class ImportSource(BaseModel):
    """Clips of videos that people have captioned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["import"] = "import"
    name: str = Field(description="Name of the folder or file that was imported, without its path.")
    config: ImportConfig
    subject: CaptionedSubject
    format: ShardFormat = "parquet"

    @property
    def layout(self) -> ShardLayout:
        """How the clips are stored."""
        return import_layout(self.config, format=self.format)

    def stored_as(self, format: ShardFormat) -> ImportSource:
        """The same clips in shards of another format."""
        return self.model_copy(update={"format": format})


Source = Annotated[WorldSource | ImportSource, Field(discriminator="kind")]
"""Where the clips of a data set come from."""


def import_layout(config: ImportConfig, *, format: ShardFormat = "parquet") -> ShardLayout:
    """The layout of imported clips. Their metadata hold the configuration of the import as JSON."""
    metadata = {"flipbook.import": config.model_dump_json()}
    return ShardLayout(clip=config.clip, imported=True, format=format, metadata=metadata)
