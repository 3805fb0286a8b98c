"""The tutorial's networks and words as published."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from data.captions import PromptError
from data.worlds.world import WorldConfig
from models.tutorial.networks import NOISE, Discriminator, Generator, build_tutorial_generator
from models.tutorial.words import published_words, word_shares

WORLD = WorldConfig(laws="tutorial", frame_size=32, frames=4)
LEFT, SHRINKING = "circle moving left", "circle shrinking"


def _shares(*prompts: str) -> Tensor:
    return word_shares(WORLD, prompts)


def _shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def test_the_networks_are_the_published_ones() -> None:
    assert _shapes(Generator(frame_size=64)) == {
        "fc1.weight": (256 * 8 * 8, 110),
        "fc1.bias": (256 * 8 * 8,),
        "deconv1.weight": (256, 128, 4, 4),
        "deconv1.bias": (128,),
        "deconv2.weight": (128, 64, 4, 4),
        "deconv2.bias": (64,),
        "deconv3.weight": (64, 3, 4, 4),
        "deconv3.bias": (3,),
    }
    assert _shapes(Discriminator(frame_size=64)) == {
        "conv1.weight": (64, 3, 4, 4),
        "conv1.bias": (64,),
        "conv2.weight": (128, 64, 4, 4),
        "conv2.bias": (128,),
        "conv3.weight": (256, 128, 4, 4),
        "conv3.bias": (256,),
        "fc1.weight": (1, 16384),
        "fc1.bias": (1,),
    }
    generator = build_tutorial_generator(WorldConfig(laws="tutorial"))
    assert generator.embedding.weight.shape == (19, 10)


def test_words_are_split_at_white_space_so_that_up_is_no_word() -> None:
    words = published_words(WORLD)
    assert {"up-left", "up-right", "counter-clockwise"} <= set(words)
    assert not {"up", "left-up", "counter"} & set(words)
    shares = _shares("circle moving up-right")[0]
    assert {words[k]: float(shares[k]) for k in shares.nonzero().flatten().tolist()} == pytest.approx(
        {"circle": 1 / 3, "moving": 1 / 3, "up-right": 1 / 3}
    )


def test_a_word_that_the_training_never_shows_is_left_out_of_the_mean() -> None:
    words = published_words(WORLD)
    shares = _shares("circle moving up")[0]
    assert {words[k] for k in shares.nonzero().flatten().tolist()} == {"circle", "moving"}
    assert float(shares.sum()) == pytest.approx(1)
    with pytest.raises(PromptError, match="'square'"):
        _shares("square moving up")
    with pytest.raises(PromptError, match="holds no word"):
        _shares("up")


def test_each_frame_depends_only_on_its_own_noise() -> None:
    generator = build_tutorial_generator(WORLD)
    noise = generator.draw_noise(1, random=torch.Generator().manual_seed(0))
    assert noise.shape == (1, 4, NOISE)
    changed = noise.clone()
    changed[:, 2] = 0
    before, after = generator(noise, _shares(LEFT))[0], generator(changed, _shares(LEFT))[0]
    same = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert same == [True, True, False, True]
