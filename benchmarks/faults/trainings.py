"""A tiny training that is long enough to be disturbed: its configuration, and its weights without any fault."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.faults.findings import require
from benchmarks.faults.site import as_parameters
from data.home import Home
from data.reading.dataset import load_clips
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from flows.config.pipeline import PipelineConfig
from models.checkpoint import FINAL, checkpoint_digest
from models.training.trainer import train
from tests.flows.tiny import tiny_config

STEPS = 400
LOG_EVERY = 10


def config(*, seed: int = 0, steps: int = STEPS, checkpoint_seconds: float = 1.0) -> PipelineConfig:
    """A training that takes about twenty seconds on one core. Making its clips takes almost no time."""
    return tiny_config(
        train={
            "steps": steps, "seed": seed, "checkpoint_seconds": checkpoint_seconds, "log_every": LOG_EVERY,
            "sample_every": LOG_EVERY * max(steps // (2 * LOG_EVERY), 1),
        }
    )  # fmt: skip


def training_parameters(settings: PipelineConfig, **more: Any) -> dict[str, Any]:
    """The parameters of `settings` for the deployment train/train, and `more` parameters."""
    return {name: as_parameters(settings)[name] for name in ("world", "data", "model", "train")} | more


def undisturbed(settings: PipelineConfig, folder: Path) -> tuple[str, float]:
    """Train with `settings` as plain functions in this process, without Prefect and MLflow.

    Returns the digest of the final weights, and the seconds that the training took.
    """
    clips = folder / "clips"
    shards = [
        write_shard(clips, world=settings.world, data=settings.data, shard=shard)
        for shard in range(settings.data.shards)
    ]
    write_manifest(clips, source=WorldSource(world=settings.world, data=settings.data), shards=shards, digest="0" * 64)
    began = time.monotonic()
    final = train(
        clips=load_clips(clips),
        subject=settings.world,
        model=settings.model,
        train=settings.train,
        folder=folder / "training",
        report=lambda event: None,
    )
    return checkpoint_digest(final), time.monotonic() - began


def final_digests(home: Home) -> list[str]:
    """Digests of the final weights of all finished trainings in the home."""
    return [checkpoint_digest(final) for final in sorted(home.checkpoints.glob(f"*/{FINAL}"))]


def the_digest(home: Home) -> str:
    """The digest of the final weights of the only training in the home."""
    digests = final_digests(home)
    require(len(digests) == 1, f"{len(digests)} trainings have ended, expected 1")
    return digests[0]


def steps_saved(home: Home) -> list[int]:
    """Steps of the checkpoints that are in the home now, ascending."""
    return sorted(int(path.name.partition("-")[2]) for path in home.checkpoints.glob("*/step-*"))
