"""How each of the networks that a config may name turns prompts and noise into clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.networks.generator import build_generator, draw_noise
from models.text.features import build_text
from models.text.protocols import PromptFeatures
from models.tutorial.networks import build_tutorial_generator, draw_tutorial_noise
from models.tutorial.words import WordShares


class Network(Protocol):
    """What drawing samples needs to know of a network. A generator takes `noise` and what `text` makes of prompts."""

    def build(self, config: ModelConfig, world: WorldConfig) -> nn.Module:
        """A generator (noise, text) -> clips (N, T, 3, S, S) in [-1, 1], with random weights."""

    def text(self, config: ModelConfig, world: WorldConfig) -> PromptFeatures:
        """How it reads prompts. Loads nothing yet."""

    def noise(self, count: int, *, config: ModelConfig, world: WorldConfig, generator: torch.Generator) -> Tensor:
        """Noise of `count` clips, float32 (count, ...), on the CPU."""


@dataclass(frozen=True)
class _Flipbook:
    def build(self, config: ModelConfig, world: WorldConfig) -> nn.Module:
        return build_generator(config, world)

    def text(self, config: ModelConfig, world: WorldConfig) -> PromptFeatures:
        return build_text(config, world)

    def noise(self, count: int, *, config: ModelConfig, world: WorldConfig, generator: torch.Generator) -> Tensor:
        return draw_noise(count, config=config, generator=generator)


@dataclass(frozen=True)
class _Tutorial:
    def build(self, config: ModelConfig, world: WorldConfig) -> nn.Module:
        return build_tutorial_generator(config, world)

    def text(self, config: ModelConfig, world: WorldConfig) -> PromptFeatures:
        return WordShares(world)

    def noise(self, count: int, *, config: ModelConfig, world: WorldConfig, generator: torch.Generator) -> Tensor:
        return draw_tutorial_noise(count, config=config, world=world, generator=generator)


def network_of(config: ModelConfig) -> Network:
    """The network that `config` names."""
    return _Tutorial() if config.network == "tutorial" else _Flipbook()
