"""Trainings of the tutorial's networks: what is wrong with them as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from data.reading.dataset import ClipTensors
from data.worlds.world import WorldConfig
from models.checkpoint import checkpoint_digest
from models.config import ModelConfig, TrainConfig
from models.sampling import TextToVideo
from models.training.trainer import Progress, TrainEvent
from models.tutorial.game import TutorialGame
from models.tutorial.networks import Discriminator, Generator
from tests.models.tiny import LEFT, TRAIN, make_clips, train_tiny

WORLD = WorldConfig(laws="tutorial", frame_size=32, frames=4)
MODEL = ModelConfig(network="tutorial")
PUBLISHED = {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "decay_share": 0, "penalty_every": 2}


@pytest.fixture(scope="module")
def circles(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    return make_clips(tmp_path_factory.mktemp("circles"), WORLD)


def _game(circles: ClipTensors, **changes: Any) -> TutorialGame:
    config = TrainConfig.model_validate(TRAIN.model_dump() | PUBLISHED | changes)
    return TutorialGame(clips=circles, subject=WORLD, model=MODEL, train=config, device=torch.device("cpu"))


def _train(circles: ClipTensors, folder: Path, **changes: Any) -> Path:
    return train_tiny(circles, folder, world=WORLD, model=MODEL, **(PUBLISHED | changes))


def _seen(game: TutorialGame) -> list[tuple[Tensor, ...]]:
    """All that the discriminator will see, call by call, filled as the game goes on."""
    seen: list[tuple[Tensor, ...]] = []
    game.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    return seen


def test_the_word_vectors_are_in_no_optimiser_and_stay_random(circles: ClipTensors) -> None:
    game = _game(circles)
    before = game.generator.embedding.weight.clone()
    for _ in range(3):
        game.step()
    assert torch.equal(game.generator.embedding.weight, before)


def test_the_discriminator_sees_frames_and_no_text(circles: ClipTensors) -> None:
    game = _game(circles)
    seen = _seen(game)
    game.step()
    assert [[tuple(one.shape) for one in inputs] for inputs in seen] == 3 * [[(game.batch, 3, 32, 32)]]


def test_a_batch_holds_shuffled_frames_and_every_frame_comes_once_per_epoch(circles: ClipTensors) -> None:
    game = _game(circles, prompts_per_batch=6)
    seen = _seen(game)
    for _ in range(20):
        game.step()
    real = [pictures for (pictures,) in seen[::3]]  # each step judges real, generated, and again generated pictures
    whole = circles.ink.frames(torch.arange(60)).flatten(0, 1).float() / 127.5 - 1
    expected = float(whole.sum(dtype=torch.float64))
    assert float(torch.cat(real).sum(dtype=torch.float64)) == pytest.approx(expected)


def test_a_lost_game_costs_the_generator_at_most_100(circles: ClipTensors) -> None:
    game = _game(circles)
    torch.nn.init.constant_(game.discriminator.fc1.bias, -1e4)
    assert float(game.step()["generator"]) == pytest.approx(100)


def test_an_interrupted_training_ends_with_the_same_weights(circles: ClipTensors, tmp_path: Path) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 4:
            raise KeyboardInterrupt

    whole = _train(circles, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _train(circles, tmp_path / "parts", report=interrupt, checkpoint_seconds=1e-9)
    assert (tmp_path / "parts" / "step-00000003").is_dir()
    resumed = _train(circles, tmp_path / "parts")
    assert checkpoint_digest(resumed) == checkpoint_digest(whole)
    for name in ("generator.pth", "discriminator.pth"):
        one, other = (torch.load(folder / name, weights_only=True) for folder in (whole, resumed))
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_both_networks_are_exported_and_the_word_vectors_are_only_in_the_checkpoint(
    circles: ClipTensors, tmp_path: Path
) -> None:
    final = _train(circles, tmp_path)
    generator, discriminator = (
        torch.load(final / name, weights_only=True) for name in ("generator.pth", "discriminator.pth")
    )
    Generator(frame_size=32).load_state_dict(generator)
    Discriminator(frame_size=32).load_state_dict(discriminator)
    assert not any("embedding" in name for name in (*generator, *discriminator))
    frames = TextToVideo.load(final).generate([LEFT, "circle moving up"], seed=1)
    assert frames.shape == (2, 4, 32, 32, 3)
    assert frames.dtype == np.uint8
