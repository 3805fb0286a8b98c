"""Trainings of the tutorial's networks: what is wrong with them as published, and what each repair corrects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from data.reading.dataset import ClipTensors
from data.worlds.prompts import parse_prompt
from data.worlds.world import WorldConfig
from models.checkpoint import checkpoint_digest
from models.config import ModelConfig, Repair, TrainConfig
from models.sampling import TextToVideo
from models.training.divergence import DivergedError
from models.training.trainer import Progress, TrainEvent
from models.tutorial.game import TutorialGame
from models.tutorial.networks import Discriminator, Generator
from tests.models.tiny import LEFT, TRAIN, make_clips, train_tiny

WORLD = WorldConfig(laws="tutorial", frame_size=32, frames=4)
REPAIRS: tuple[Repair, ...] = (
    "clip_latent",
    "trained_embedding",
    "text_in_discriminator",
    "wrong_prompts",
    "gradient_penalty",
    "ema",
)
PUBLISHED = {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "decay_share": 0, "penalty_every": 2}


@pytest.fixture(scope="module")
def circles(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    return make_clips(tmp_path_factory.mktemp("circles"), WORLD)


def _model(*repairs: Repair) -> ModelConfig:
    return ModelConfig(network="tutorial", repairs=repairs)


def _game(circles: ClipTensors, *repairs: Repair, **changes: Any) -> TutorialGame:
    config = TrainConfig.model_validate(TRAIN.model_dump() | PUBLISHED | changes)
    return TutorialGame(clips=circles, world=WORLD, model=_model(*repairs), train=config, device=torch.device("cpu"))


def _train(circles: ClipTensors, folder: Path, *repairs: Repair, **changes: Any) -> Path:
    return train_tiny(circles, folder, world=WORLD, model=_model(*repairs), **(PUBLISHED | changes))


def _seen(game: TutorialGame) -> list[tuple[Tensor, Tensor]]:
    """Pictures and word shares of all that the discriminator will see, filled as the game goes on."""
    seen: list[tuple[Tensor, Tensor]] = []
    game.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    return seen


def test_the_word_vectors_are_in_no_optimiser_and_stay_random(circles: ClipTensors) -> None:
    game = _game(circles)
    before = game.generator.embedding.weight.clone()
    for _ in range(3):
        game.step()
    assert torch.equal(game.generator.embedding.weight, before)


def test_with_the_repair_the_word_vectors_learn(circles: ClipTensors) -> None:
    game = _game(circles, "trained_embedding")
    before = game.generator.embedding.weight.clone()
    for _ in range(3):
        game.step()
    assert not torch.equal(game.generator.embedding.weight, before)


def test_a_batch_holds_shuffled_frames_and_every_frame_comes_once_per_epoch(circles: ClipTensors) -> None:
    game = _game(circles, prompts_per_batch=6)
    seen = _seen(game)
    for _ in range(20):
        game.step()
    real = [pictures for pictures, _ in seen[::3]]  # each step judges real, generated, and again generated pictures
    assert all(pictures.shape == (12, 3, 32, 32) for pictures in real)
    assert len(seen[0][1].unique(dim=0)) > 1
    whole = circles.ink.frames(torch.arange(60)).flatten(0, 1).float() / 127.5 - 1
    expected = float(whole.sum(dtype=torch.float64))
    assert float(torch.cat(real).sum(dtype=torch.float64)) == pytest.approx(expected)


def test_with_a_latent_per_clip_the_discriminator_sees_whole_clips(circles: ClipTensors) -> None:
    game = _game(circles, "clip_latent")
    seen = _seen(game)
    game.step()
    clips = circles.ink.frames(torch.arange(60)).float().flatten(1, 2) / 127.5 - 1
    for picture in seen[0][0]:
        assert picture.shape == (12, 32, 32)
        assert any(torch.allclose(picture, clip) for clip in clips)


def test_a_wrong_prompt_never_means_the_same(circles: ClipTensors) -> None:
    game = _game(circles, "text_in_discriminator", "wrong_prompts", prompts_per_batch=100)
    seen = _seen(game)
    game.step()
    rows = [row.tolist() for row in game.shares]
    (_, right), _, (_, wrong), *_ = seen
    for mine, other in zip(right.tolist(), wrong.tolist(), strict=True):
        meanings = [parse_prompt(WORLD.seen_prompts[rows.index(row)]) for row in (mine, other)]
        assert meanings[0] != meanings[1]


def test_wrong_prompts_and_the_penalty_change_what_the_discriminator_learns(circles: ClipTensors) -> None:
    def weights(*repairs: Repair) -> Tensor:
        game = _game(circles, "text_in_discriminator", *repairs, penalty_every=1, clip_penalty=1, first_clip_penalty=1)
        game.step()
        return game.discriminator.fc1.weight.detach().clone()

    published = weights()
    assert not torch.equal(weights("wrong_prompts"), published)
    assert not torch.equal(weights("gradient_penalty"), published)


def test_samples_come_from_the_last_weights_or_with_the_repair_from_their_average(circles: ClipTensors) -> None:
    last, averaged = _game(circles), _game(circles, "ema")
    for _ in range(3):
        last.step()
        averaged.step()
    assert last.averaged is last.generator
    mean, newest = averaged.averaged.pictures.fc1.weight, averaged.generator.pictures.fc1.weight
    assert not torch.equal(mean, newest)
    assert torch.equal(newest, last.generator.pictures.fc1.weight)


def test_a_lost_game_costs_the_generator_at_most_100(circles: ClipTensors) -> None:
    game = _game(circles)
    torch.nn.init.constant_(game.discriminator.fc1.bias, -1e4)
    assert float(game.step()["generator"]) == pytest.approx(100)


@pytest.mark.parametrize("repairs", [(), REPAIRS])
def test_an_interrupted_training_ends_with_the_same_weights(
    circles: ClipTensors, tmp_path: Path, repairs: tuple[Repair, ...]
) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 4:
            raise KeyboardInterrupt

    whole = _train(circles, tmp_path / "whole", *repairs)
    with pytest.raises(KeyboardInterrupt):
        _train(circles, tmp_path / "parts", *repairs, report=interrupt, checkpoint_seconds=1e-9)
    assert (tmp_path / "parts" / "step-00000003").is_dir()
    resumed = _train(circles, tmp_path / "parts", *repairs)
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
    Generator(frame_size=32, channels=3).load_state_dict(generator)
    Discriminator(frame_size=32, channels=3, words=None).load_state_dict(discriminator)
    assert not any("embedding" in name for name in (*generator, *discriminator))
    frames = TextToVideo.load(final).generate([LEFT, "circle moving up"], seed=1)
    assert frames.shape == (2, 4, 32, 32, 3)
    assert frames.dtype == np.uint8


def test_a_training_that_diverges_stops_with_an_error(circles: ClipTensors, tmp_path: Path) -> None:
    huge = {"clip_penalty": 1e38, "first_clip_penalty": 1e38, "learning_rate": 0.1}
    with pytest.raises(DivergedError, match="training has diverged at step"):
        _train(circles, tmp_path, *REPAIRS, **huge)
    assert list(tmp_path.iterdir()) == []
