"""Which generator and which way of reading prompts a configuration names."""

from __future__ import annotations

from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.networks.clip_generator import ClipGenerator
from models.networks.generator import build_generator
from models.text.features import build_text
from models.text.protocols import PromptFeatures
from models.tutorial.networks import build_tutorial_generator
from models.tutorial.words import WordShares


def build_clip_generator(config: ModelConfig, world: WorldConfig) -> ClipGenerator:
    """A generator for the clips of `world`, with random weights."""
    return build_tutorial_generator(world) if config.network == "tutorial" else build_generator(config, world)


def build_prompt_features(config: ModelConfig, world: WorldConfig) -> PromptFeatures:
    """The way to read prompts that belongs to that generator. It loads no weights yet."""
    return WordShares(world) if config.network == "tutorial" else build_text(config, world)
