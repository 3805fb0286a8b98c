"""Which generator and which way of reading prompts a configuration names."""

from __future__ import annotations

from data.subject import Subject
from models.config import ModelConfig
from models.networks.clip_generator import ClipGenerator
from models.networks.generator import build_generator
from models.text.features import build_text
from models.text.protocols import PromptFeatures
from models.tutorial.networks import build_tutorial_generator
from models.tutorial.words import WordShares, world_of


def build_clip_generator(config: ModelConfig, subject: Subject) -> ClipGenerator:
    """A generator for the clips of `subject`, with random weights.

    Raises:
        ValueError: the configuration does not fit the subject.
    """
    if config.network == "tutorial":
        return build_tutorial_generator(world_of(subject))
    return build_generator(config, subject)


def build_prompt_features(config: ModelConfig, subject: Subject) -> PromptFeatures:
    """The way to read prompts that belongs to that generator. It loads no weights yet.

    Raises:
        ValueError: the configuration does not fit the subject.
    """
    return WordShares(world_of(subject)) if config.network == "tutorial" else build_text(config, subject)
