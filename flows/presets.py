"""Complete configurations by name. A preset is a function; other layers override single values of it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from data.shards import DataConfig
from evaluation.config import EvaluationConfig
from flows.config import PipelineConfig
from models.config import TrainConfig


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


PRESETS: Mapping[str, Callable[[], PipelineConfig]] = MappingProxyType({"full": full, "small": small})
