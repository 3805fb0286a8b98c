"""Clips that are wrong in one known way, painted by other code than the renderer: the metric refuses them.

python -m benchmarks.metric_limits      shows the same for more clips, and how far real clips are from the limits
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.alterations import ALTERATIONS, Drawing
from benchmarks.metric_limits import altered_scores, prompts_of, refused_by
from data.worlds.presets import shapes_world
from data.worlds.world import WorldConfig
from evaluation.scoring.clip_scores import score_clips

WORLD = WorldConfig()
CLIPS = 40  # two of each prompt


@pytest.mark.parametrize("name", ALTERATIONS)
@settings(max_examples=1, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_an_altered_clip_is_refused_by_an_attribute_that_the_alteration_touches(name: str, seed: int) -> None:
    alteration = ALTERATIONS[name]
    assert refused_by(alteration, altered_scores(alteration, WORLD, CLIPS, seed=seed)).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda frames, rng: frames,
        lambda frames, rng: np.clip(frames + rng.integers(-4, 5, frames.shape), 0, 255).astype(np.uint8),
    ],
    ids=["unaltered", "noise of 4 levels"],
)
@pytest.mark.parametrize("world", [WORLD, shapes_world()], ids=["default", "shapes"])
def test_clips_that_other_code_has_painted_pass(world: WorldConfig, change) -> None:
    prompts = prompts_of(world, CLIPS)
    frames = change(Drawing.of(world, prompts, seed=5).paint(), np.random.default_rng(0))
    assert score_clips(frames, prompts, world).joint.all()


def test_clips_that_are_shifted_by_a_third_of_a_pixel_pass() -> None:
    prompts = prompts_of(WORLD, CLIPS)
    drawing = Drawing.of(WORLD, prompts, seed=6)
    drawing.centres[...] += 0.3
    assert score_clips(drawing.paint(), prompts, WORLD).joint.all()


def test_a_shape_that_spins_on_a_straight_path_is_refused_by_its_turn() -> None:
    world = shapes_world()
    prompts = ["red square moving left", "blue star moving up-right", "green triangle expanding"] * 8
    drawing = Drawing.of(world, prompts, seed=7)
    drawing.angles[...] += np.linspace(0, np.pi / 2, world.frames)
    scores = score_clips(drawing.paint(), prompts, world)
    assert scores.faults["turn"].all()
    assert not scores.faults["shape"].any()


def test_a_star_that_does_not_turn_on_its_orbit_is_refused_by_its_turn() -> None:
    world = shapes_world()
    prompts = ["red star rotating clockwise", "blue square rotating counter-clockwise"] * 8
    drawing = Drawing.of(world, prompts, seed=8)
    drawing.angles[...] = 0
    assert score_clips(drawing.paint(), prompts, world).faults["turn"].all()
