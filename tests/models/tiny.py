"""Worlds, networks and trainings that are small enough for a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.clip_format import ClipFormat
from data.reading.dataset import ClipTensors, load_clips
from data.shards.config import DataConfig
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.world import HeldOut, WorldConfig
from models.config import ModelConfig, TrainConfig
from models.training.trainer import TrainEvent, train

WORLD = WorldConfig(
    frame_size=32,
    frames=4,
    phrases=("moving left", "moving diagonally up-right", "shrinking"),
    held_out=(HeldOut(tier="T1", phrase="moving up-right"), HeldOut(tier="T2", phrase="moving up")),
)
SHAPES_WORLD = WorldConfig(
    frame_size=32,
    frames=4,
    shapes=("circle", "square"),
    colours=("blue", "red"),
    phrases=("moving left", "moving diagonally up-right", "shrinking"),
)
LEFT, SHRINKING = "circle moving left", "circle shrinking"
MODEL = ModelConfig(motion_width=32, discriminator_width=32, channels=8, keypoints=4, frame_discriminator_channels=8)
TRAIN = TrainConfig(
    steps=6,
    prompts_per_batch=2,
    clips_per_prompt=2,
    frames_per_batch=4,
    log_every=2,
    sample_every=6,
    checkpoint_seconds=1e9,
    threads=1,
    device="cpu",
)


def make_clips(folder: Path, world: WorldConfig = WORLD, *, count: int = 60) -> ClipTensors:
    """Make a data set in `folder` and read it."""
    config = DataConfig(clips=count, shards=1)
    shards = [write_shard(folder, world=world, data=config, shard=0)]
    write_manifest(folder, source=WorldSource(world=world, data=config), shards=shards, digest="0" * 64)
    return load_clips(folder)


def train_tiny(
    clips: ClipTensors,
    folder: Path,
    *,
    world: WorldConfig = WORLD,
    model: ModelConfig = MODEL,
    report: Callable[[TrainEvent], None] = lambda _: None,
    **changes: Any,
) -> Path:
    """Train in `folder`; `changes` are values of TRAIN."""
    config = TrainConfig.model_validate(TRAIN.model_dump() | changes)
    return train(clips=clips, subject=world, model=model, train=config, folder=folder, report=report)


def square(side: int, *, frames: int = 10) -> ClipFormat:
    """The format of clips with square frames."""
    return ClipFormat(frames=frames, height=side, width=side, fps=10)
