"""Complete configurations by name. A preset is a function. The other layers override single values of it."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from data.shards.config import DataConfig
from data.worlds.presets import VALIDATION_FOLDS, digits_world, pairs_world, shapes_world, validation_world
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from models.config import ModelConfig, TrainConfig


def full() -> PipelineConfig:
    """The default: 10,000 clips of 18 prompts, and two held-out prompts. Takes twenty minutes on two cores."""
    return PipelineConfig()


def small() -> PipelineConfig:
    """Every step at toy size, in about a minute. It shows that the installation works. Its videos follow no prompt."""
    return PipelineConfig(
        data=DataConfig(clips=360, shards=2),
        train=TrainConfig(steps=60, sample_every=50, log_every=10),
        evaluation=EvaluationConfig(
            samples_seen=4, samples_held_out=16, samples_real=16, videos_per_prompt=1, frechet=False
        ),
    )


def shapes() -> PipelineConfig:
    """Four shapes in five colours: does the model draw combinations that it never saw? Trains for half an hour."""
    return PipelineConfig(
        world=shapes_world(),
        data=DataConfig(clips=20_000),
        model=_any_shapes(decoder="layers"),
        train=TrainConfig(steps=3_300, prompts_per_batch=16, clips_per_prompt=2),
        evaluation=EvaluationConfig(samples_seen=16, samples_held_out=64, samples_real=16),
    )


def shapes_words() -> PipelineConfig:
    """The shapes in free words: does the model draw what new sentences ask for? Trains for half an hour."""
    plain = shapes()
    return plain.model_copy(
        update={
            "world": shapes_world().model_copy(update={"varied_captions": 1}),
            "model": plain.model.model_copy(update={"text_encoder": "sentence"}),
        }
    )


def pairs() -> PipelineConfig:
    """Two objects per clip: does the model understand which attributes belong together?"""
    return PipelineConfig(
        world=pairs_world(),
        data=DataConfig(clips=20_000),
        model=_any_shapes(decoder="layers", objects=2, **_MUCH_NOISE),
        train=_many_prompts(steps=4_800),
        evaluation=EvaluationConfig(samples_seen=8, samples_held_out=32, samples_real=16),
    )


def own() -> PipelineConfig:
    """Your own clips, named with --dataset: the generic generator, which knows no shapes and no motions."""
    return PipelineConfig(
        model=ModelConfig(decoder="conv", frame_discriminator_channels=32),
        train=TrainConfig(steps=4_000, frames_per_batch=32),
    )


def digits() -> PipelineConfig:
    """Handwritten digits of real people, white on black: does the model draw digits in motions that it never saw?"""
    return PipelineConfig(
        world=digits_world(),
        data=DataConfig(clips=20_000),
        model=_any_shapes(decoder="sprite", background="black", channels=32, keypoints=12, content=32, **_MUCH_NOISE),
        train=_many_prompts(steps=3_300),
        evaluation=EvaluationConfig(samples_seen=16, samples_held_out=64, samples_real=16),
    )


def tutorial() -> PipelineConfig:
    """The tutorial's clips, networks and training as published. Its videos do not follow prompts; see docs/why.md.

    The training ends after 13 epochs of 100,000 frames or after 60 CPU minutes, whichever comes first.
    """
    return PipelineConfig(
        world=WorldConfig(laws="tutorial"),
        model=ModelConfig(network="tutorial"),
        train=TrainConfig(
            steps=81_250,
            cpu_minutes=60,
            prompts_per_batch=8,  # with two clips per prompt, a batch has 16 frames
            clips_per_prompt=2,
            learning_rate=2e-4,
            beta1=0.5,
            beta2=0.999,
            decay_share=0,
        ),
    )


_MUCH_NOISE = {"noise": 8, "angles": 0, "modes": 16, "noise_layers": 1, "fast_waves": 0.0}


def _any_shapes(**changes: Any) -> ModelConfig:
    common = {
        "channels": 24,
        "frame_discriminator_channels": 32,
        "frame_pooling": True,  # shapes are learned sooner; two small objects are hardly learned without it
        "word_heads": True,
    }
    return ModelConfig.model_validate(common | changes)


def _many_prompts(*, steps: int) -> TrainConfig:
    return TrainConfig(steps=steps, prompts_per_batch=16, clips_per_prompt=2, beta1=0.0, wrong_prompt_weight=0.0)


def _validation(direction: str) -> PipelineConfig:
    """The default with `direction` held out in place of up. Recipes are chosen by these, never by the test prompts."""
    return PipelineConfig(world=validation_world(direction))


PRESETS: Mapping[str, Callable[[], PipelineConfig]] = MappingProxyType(
    {
        preset.__name__.replace("_", "-"): preset
        for preset in (full, small, shapes, shapes_words, pairs, digits, own, tutorial)
    }
    | {f"validation-{direction}": partial(_validation, direction) for direction in VALIDATION_FOLDS}
)
