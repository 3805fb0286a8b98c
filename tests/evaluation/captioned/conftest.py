"""A world of twelve captions that mean different things, with a matcher trained on it for some seconds."""

import pytest

from benchmarks.captioned_metrics import generators, held_out_clips, training_clips
from data.worlds.world import HeldOut, WorldConfig
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.evaluate import evaluate_captioned, matcher_for


@pytest.fixture(scope="session")
def small_world():
    return WorldConfig(
        phrases=("moving left", "moving right", "moving up", "moving down", "expanding", "shrinking"),
        colours=("red", "blue"),
        held_out=(HeldOut(tier="T1", phrase="moving up-right"),),
        frame_size=32,
        frames=6,
    )


@pytest.fixture(scope="session")
def config():
    return CaptionedConfig(clips_per_split=192, real_clips=192, seed=3)


@pytest.fixture(scope="session")
def training(small_world):
    return training_clips(small_world, 768)


@pytest.fixture(scope="session")
def matcher(training, config):
    return matcher_for(training, config)


@pytest.fixture(scope="session")
def reports(small_world, training, matcher, config):
    """The report of every generator in `benchmarks.captioned_metrics`, by its name."""
    held_out = held_out_clips(small_world)
    return {
        name: evaluate_captioned(
            sampler,
            training=training,
            held_out=held_out if name == "perfect" else {},
            config=config,
            matcher=matcher,
        )
        for name, sampler in generators(small_world, training).items()
    }
