"""A training that diverges stops with an error, and nothing that has diverged is saved, loaded or drawn with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from data.files import sha256_of
from data.reading.dataset import ClipTensors
from models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from models.config import ModelConfig
from models.sampling import TextToVideo
from models.training.divergence import LARGEST_LOSS, DivergedError, check_losses, check_state
from models.training.expectation import Expectation
from models.training.resume import step_checkpoints
from models.training.trainer import Progress, Saved, TrainEvent
from tests.models.tiny import MODEL, WORLD, train_tiny
from tracking.transient import is_transient

HUGE_PENALTIES = {"clip_penalty": 1e38, "first_clip_penalty": 1e38, "frame_penalty": 1e38, "penalty_every": 1}


def _diverge(clips: ClipTensors, folder: Path, model: ModelConfig = MODEL, **changes: Any) -> list[TrainEvent]:
    """Train until the training diverges. Returns its events."""
    events: list[TrainEvent] = []
    with pytest.raises(
        DivergedError, match=r"training has diverged at step \d+: .*lower train\.learning_rate"
    ) as found:
        train_tiny(clips, folder, model=model, report=events.append, checkpoint_seconds=1e-9, **changes)
    assert not is_transient(found.value)  # so no task repeats it
    return events


def test_a_training_with_a_far_too_high_learning_rate_stops(clips: ClipTensors, tmp_path: Path) -> None:
    _diverge(clips, tmp_path, learning_rate=0.1, steps=400)
    assert not (tmp_path / "final").exists()
    for checkpoint in step_checkpoints(tmp_path):
        TextToVideo.load(checkpoint).generate(["circle moving left"], seed=0)


def test_the_last_good_checkpoint_is_kept_and_the_training_diverges_again_from_it(
    clips: ClipTensors, tmp_path: Path
) -> None:
    saved = [
        event.step for event in _diverge(clips, tmp_path, learning_rate=0.1, steps=400) if isinstance(event, Saved)
    ]
    assert saved
    assert step_checkpoints(tmp_path)[-1].name == f"step-{saved[-1]:08d}"
    again = _diverge(clips, tmp_path, learning_rate=0.1, steps=400)
    assert all(event.step > saved[-1] for event in again if not isinstance(event, Expectation))


@pytest.mark.parametrize("steps", [2, 3])
def test_penalties_beyond_all_bounds_stop_the_training_before_anything_is_saved(
    clips: ClipTensors, tmp_path: Path, steps: int
) -> None:
    assert _diverge(clips, tmp_path, **HUGE_PENALTIES, steps=steps) == []
    assert list(tmp_path.iterdir()) == []


def test_losses_that_are_not_finite_or_explode_are_named() -> None:
    check_losses({"generator": LARGEST_LOSS, "penalty": 0.0}, step=1)
    for value in (float("nan"), float("inf"), -float("inf"), 1e17):
        with pytest.raises(DivergedError, match="at step 7: the loss penalty is"):
            check_losses({"generator": 1.0, "penalty": value}, step=7)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e9])
def test_weights_that_are_not_finite_or_explode_are_named(value: float) -> None:
    state = {"modules": {"generator": {"weight": torch.tensor([1.0, value])}}, "visits": torch.tensor([3])}
    with pytest.raises(DivergedError, match=r"modules\.generator\.weight"):
        check_state(state, step=1)


def test_an_optimiser_may_hold_large_numbers_but_none_that_is_not_finite() -> None:
    weights = {"generator": {"weight": torch.ones(2)}}
    check_state(
        {"modules": weights, "optimisers": {"generator": {"state": {0: {"exp_avg": torch.tensor(1e9)}}}}}, step=1
    )
    with pytest.raises(DivergedError, match=r"optimisers\.generator\.state\.0\.exp_avg"):
        check_state(
            {"modules": weights, "optimisers": {"generator": {"state": {0: {"exp_avg": torch.tensor(torch.inf)}}}}},
            step=1,
        )


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    weights = {"a": torch.tensor([0.0, float("nan")])}
    with pytest.raises(CheckpointError, match="weight a is not finite"):
        save_checkpoint(
            tmp_path / "final", weights=weights, state={}, subject=WORLD, model=MODEL, step=1, dataset_digest="x"
        )
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_not_loaded(trained: Path, copy_of: Callable[[Path], Path]) -> None:
    folder = copy_of(trained)
    weights = load_file(folder / "generator.safetensors")
    weights["motion.mix.weight"][0, 0] = float("nan")
    save_file(weights, folder / "generator.safetensors")
    info = json.loads((folder / "checkpoint.json").read_text())
    info["weights_sha256"] = sha256_of(folder / "generator.safetensors")
    (folder / "checkpoint.json").write_text(json.dumps(info))
    for load in (load_checkpoint, TextToVideo.load):
        with pytest.raises(CheckpointError, match=r"weight motion\.mix\.weight is not finite"):
            load(folder)


def test_the_losses_of_a_healthy_training_stay_far_below_the_bound(clips: ClipTensors, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    train_tiny(clips, tmp_path, report=events.append, steps=20, penalty_every=1)
    losses = [value for event in events if isinstance(event, Progress) for value in event.losses.values()]
    assert max(map(abs, losses)) < LARGEST_LOSS / 1000
