"""Complete configurations by name. A preset is a function; other layers override single values of it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from data.shards.config import DataConfig
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from models.config import ModelConfig, TrainConfig


def full() -> PipelineConfig:
    """The real job: 10,000 clips of 18 phrases, a model that does what its prompt says, two held-out prompts scored."""
    return PipelineConfig()


def small() -> PipelineConfig:
    """Every step at toy size in about a minute: shows that an installation works. Its model cannot follow prompts."""
    return PipelineConfig(
        data=DataConfig(clips=360, shards=2),
        train=TrainConfig(steps=60, sample_every=50, log_every=10),
        evaluation=EvaluationConfig(
            samples_seen=4, samples_held_out=16, samples_real=16, videos_per_prompt=1, frechet=False
        ),
    )


def tutorial() -> PipelineConfig:
    """The tutorial that this project answers, as published: its clips, its networks, its 13 epochs of 100,000 frames or
    60 CPU minutes, whichever comes first. Its videos cannot follow their prompts; docs/why.md says why.
    """
    return PipelineConfig(
        world=WorldConfig(laws="tutorial"),
        model=ModelConfig(network="tutorial"),
        train=TrainConfig(
            steps=81_250,
            cpu_minutes=60,
            prompts_per_batch=8,  # times two clips a prompt: 16 frames
            clips_per_prompt=2,
            learning_rate=2e-4,
            beta1=0.5,
            beta2=0.999,
            decay_share=0,
        ),
    )


def shapes() -> PipelineConfig:
    """Four shapes in five colours: does the model understand combinations that it never saw? Trains for half an hour on
    one core. Five tiers: seen prompts, an unseen phrase, an unseen direction, unseen combinations, paraphrases.
    """
    return PipelineConfig(
        world=shapes_world(),
        data=DataConfig(clips=20_000),
        model=_any_shapes(),
        train=_many_prompts(steps=3_300),
        evaluation=EvaluationConfig(samples_seen=16, samples_held_out=64, samples_real=16),
    )


def pairs() -> PipelineConfig:
    """Two objects in each clip: does the model understand which attributes belong together? Three tiers: seen prompts,
    unseen pairs of known objects, and pairs of the same words, of which only their clauses say what belongs together.
    """
    return PipelineConfig(
        world=pairs_world(),
        data=DataConfig(clips=20_000),
        model=_any_shapes(things=2),
        train=_many_prompts(steps=4_800),
        evaluation=EvaluationConfig(samples_seen=8, samples_held_out=32, samples_real=16),
    )


def _any_shapes(*, things: int = 1) -> ModelConfig:
    return ModelConfig(
        decoder="sprite" if things == 1 else "layers",
        things=things,
        frame_pooling=True,  # learns shapes sooner; those of two objects are small, and hardly come without
        channels=24,
        additive_content=True,
        word_heads=True,
        frame_critic_channels=32,
    )


def _many_prompts(*, steps: int) -> TrainConfig:
    # With the default's penalty the free term said ever more of the motion, and an unseen direction was forgotten.
    return TrainConfig(steps=steps, prompts_per_batch=16, clips_per_prompt=2, free_term_penalty=1.0)


PRESETS: Mapping[str, Callable[[], PipelineConfig]] = MappingProxyType(
    {"full": full, "small": small, "tutorial": tutorial, "shapes": shapes, "pairs": pairs}
)
