"""A home with a real MLflow store, and what fills it: data sets, checkpoints, runs, versions, reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data.home import Home
from data.shards.config import DataConfig
from data.shards.entry import ShardEntry
from data.shards.manifest import Manifest, write_manifest
from data.shards.sources import WorldSource
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.report import EvaluationReport, FrechetDistances, GroupScores
from evaluation.scoring.clip_scores import FAULTS
from evaluation.scoring.diversity import Diversity
from evaluation.scoring.rates import Rate
from evaluation.scoring.scores import FaultCounts, Scores
from models.checkpoint import checkpoint_digest, save_checkpoint
from models.config import ModelConfig, TextEncoder, TrainConfig
from models.networks.generator import build_generator
from models.text.features import build_text
from tracking.results.evaluation import attach_evaluation
from tracking.training_run import TrainingRun
from tracking.versions import ModelVersion, register_version

SMALL_MODEL = {"text_width": 8, "noise": 4, "modes": 2, "motion": 8, "content": 4, "motion_width": 16, "channels": 8}


@pytest.fixture(scope="session")
def world() -> WorldConfig:
    """A small world."""
    return WorldConfig(frame_size=32, frames=4)


@pytest.fixture
def home(tmp_path: Path, prepared: Callable[[Path], Home], monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose MLflow store is ready and empty."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return prepared(tmp_path / "home")


@pytest.fixture
def manifest(world: WorldConfig, tmp_path: Path) -> Manifest:
    """The manifest of a data set of 16 clips."""
    data = DataConfig(clips=16, shards=2)
    shards = [
        ShardEntry(
            name=f"clips-{number}.parquet",
            rows=8,
            splits={"train": 8},
            first_index=8 * number,
            bytes=100,
            sha256="0" * 64,
        )
        for number in range(2)
    ]
    return write_manifest(
        tmp_path / "clips", source=WorldSource(world=world, data=data), shards=shards, digest="0" * 64
    )


@pytest.fixture
def make_checkpoint(world: WorldConfig) -> Callable[..., Path]:
    """Write a checkpoint of an untrained generator; another seed makes another checkpoint."""

    def make(folder: Path, *, seed: int = 0, world: WorldConfig = world, text_encoder: TextEncoder = "tokens") -> Path:
        torch.manual_seed(seed)
        model = ModelConfig(**SMALL_MODEL, text_encoder=text_encoder)
        return save_checkpoint(
            folder,
            weights=build_generator(model, world).state_dict(),
            state={},
            subject=world,
            model=model,
            step=40 + seed,
            dataset_digest="f" * 64,
            frozen_text=build_text(model, world).frozen,
        )

    return make


@pytest.fixture
def make_run(home: Home, manifest: Manifest) -> Callable[..., str]:
    """A training's run that has ended, by its id."""

    def make(seed: int = 0) -> str:
        run = TrainingRun.open(
            home,
            training_digest=f"{seed:064}",
            params={"train": TrainConfig(seed=seed)},
            dataset=manifest,
            dataset_folder=home.datasets / "clips",
        )
        run.fail("only a test", status="FINISHED")
        return run.run_id

    return make


@pytest.fixture
def registered(home: Home, make_run: Callable[..., str], make_checkpoint: Callable[..., Path]):
    """Register the checkpoint of a training, which differs by its seed."""

    def register(*, seed: int) -> ModelVersion:
        checkpoint = make_checkpoint(home.checkpoints / str(seed) / "final", seed=seed)
        return register_version(
            home, run_id=make_run(seed), checkpoint=checkpoint, digest=checkpoint_digest(checkpoint)
        )

    return register


@pytest.fixture
def checkpoint_of(home: Home) -> Callable[[ModelVersion], Path]:
    """The checkpoint folder that a version of `registered` was made of."""

    def find(version: ModelVersion) -> Path:
        folders = home.checkpoints.glob("*/final")
        return next(folder for folder in folders if checkpoint_digest(folder) == version.digest)

    return find


@pytest.fixture
def make_report(world: WorldConfig) -> Callable[..., EvaluationReport]:
    """A report with these shares of joint exact clips."""

    def measures(share: float, n: int) -> Scores:
        joint, all_right = Rate.of_counts(round(share * n), n), Rate.of_counts(n, n)
        return Scores(
            **dict.fromkeys(FAULTS, all_right) | {"joint": joint, "motion": joint},
            faults=FaultCounts(**dict.fromkeys((*FAULTS, "several"), 0) | {"motion": n - round(share * n)}),
            shape_iou=0.9, rmse=0.5, cosine=None, smoothness=0.1,
        )  # fmt: skip

    def scores(name: str, prompts: tuple[str, ...], share: float, n: int) -> GroupScores:
        return GroupScores(
            name=name,
            prompts=prompts,
            generated=measures(share, n),
            real=measures(1.0, n),
            shuffled=measures(0.0, n),
            diversity=Diversity(start=1.0, speed=1.0, size=None, coverage=0.9, coverage_real=0.95),
        )

    def make(*, seen: float, held_out: float, clips: int = 64, world: WorldConfig = world) -> EvaluationReport:
        """`clips` of each prompt of `world`. Its default is the world of the registered models."""
        shares = {tier: seen if tier == "T0" else held_out for tier in world.tiers}
        return EvaluationReport(
            world_fingerprint=world.fingerprint,
            config=EvaluationConfig(),
            tiers=tuple(
                scores(tier, prompts, shares[tier], clips * len(prompts)) for tier, prompts in world.tiers.items()
            ),
            prompts=tuple(
                scores(prompt, (prompt,), shares[tier], clips)
                for tier, prompts in world.tiers.items()
                for prompt in prompts
            ),
            attributes=(),
            frechet=FrechetDistances(generated=2.0, floor=1.0, shuffled_frames=9.0, n=64),
        )

    return make


@pytest.fixture
def report_folder(tmp_path: Path) -> Path:
    """The files of an evaluation."""
    folder = tmp_path / "evaluation"
    (folder / "videos").mkdir(parents=True)
    (folder / "report.md").write_text("# Report")
    (folder / "videos" / "a.gif").write_bytes(b"GIF89a")
    return folder


@pytest.fixture
def scored(
    home: Home,
    registered: Callable[..., ModelVersion],
    make_report: Callable[..., EvaluationReport],
    report_folder: Path,
    world: WorldConfig,
) -> Callable[..., int]:
    """Register the checkpoint of a training and put scores on its version, whose number is returned."""

    def score(*, seed: int, held_out: float) -> int:
        version = registered(seed=seed).version
        attach_evaluation(
            home,
            version=version,
            report=make_report(seen=0.9, held_out=held_out),
            trained_on=world.fingerprint,
            folder=report_folder,
            evaluation_digest=f"e{seed}" * 32,
        )
        return version

    return score
