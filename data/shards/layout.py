"""What the shards of a data set have in common: the format of their clips, their columns, and how they are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from data.clip_format import ClipFormat
from data.shards.config import Compression, DataConfig, ShardFormat
from data.worlds.world import WorldConfig


@dataclass(frozen=True)
class ShardLayout:
    """How the clips of a data set are stored.

    clip: format of every clip.
    objects: number of objects of each clip whose motion, shape, colour and path are stored. 0: none are known.
    imported: whether each clip's file and its beginning there are stored.
    format, compression: of the shards.
    metadata: further entries of a Parquet file's metadata.
    """

    clip: ClipFormat
    objects: int = 0
    imported: bool = False
    format: ShardFormat = "parquet"
    compression: Compression = "zstd"
    metadata: Mapping[str, str] = field(default_factory=dict)


def world_layout(world: WorldConfig, data: DataConfig) -> ShardLayout:
    """The layout of a world's clips. Their metadata hold the world and the data set's configuration as JSON."""
    return ShardLayout(
        clip=world.format,
        objects=world.objects,
        format=data.format,
        compression=data.compression,
        metadata={
            "flipbook.world": world.model_dump_json(),
            "flipbook.data": data.model_dump_json(),
            "flipbook.fingerprint": _fingerprint(world, data),
        },
    )


def _fingerprint(world: WorldConfig, data: DataConfig) -> str:
    """Return a sha256 (hex) of world, seed and number of clips. It lets other tools tell clips of two configs apart."""
    text = json.dumps({"world": world.fingerprint, "seed": data.seed, "clips": data.clips}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
