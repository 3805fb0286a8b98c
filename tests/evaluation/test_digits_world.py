"""The world `digits`: real clips of unseen handwriting are right, and clips that are wrong in one way are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.digit_alterations import DIGIT_ALTERATIONS
from benchmarks.metric_limits import altered_digit_scores, prompts_of, refused_by
from data.worlds.clips import make_clips_for
from data.worlds.digits import DIGITS
from data.worlds.presets import digits_world
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.report_markdown import report_markdown
from evaluation.scoring.clip_scores import score_clips

WORLD = digits_world()


def clips_of(prompts, seed=0):
    return make_clips_for(WORLD, prompts=prompts, seed=seed).frames


def test_real_clips_of_unseen_handwriting_are_right() -> None:
    prompts = prompts_of(WORLD, 178) * 2
    scores = score_clips(clips_of(prompts, seed=7), prompts, WORLD)
    for name, wrong in scores.faults.items():
        assert wrong.mean() <= (0.03 if name == "shape" else 0.01), name
    assert scores.joint.mean() >= 0.97


def test_a_wrong_digit_is_a_wrong_shape_and_nothing_else() -> None:
    shown = [f"{digit} moving down" for digit in DIGITS] * 3
    asked = [f"{digit} moving down" for digit in (*DIGITS[1:], DIGITS[0])] * 3
    scores = score_clips(clips_of(shown, seed=8), asked, WORLD)
    assert scores.faults["shape"].all()
    assert scores.motion_ok.all()
    assert scores.size_ok.all()


def test_a_wrong_motion_is_a_wrong_motion_and_nothing_else() -> None:
    shown = ["six moving left", "two expanding", "nine bouncing vertically"] * 4
    asked = ["six moving right", "two shrinking", "nine bouncing horizontally"] * 4
    scores = score_clips(clips_of(shown, seed=9), asked, WORLD)
    assert scores.faults["motion"].all()
    assert scores.shape_ok.all()
    assert scores.size_ok.all()


def test_a_lying_bar_is_read_as_no_digit() -> None:
    frames = np.zeros((10, WORLD.frames, 64, 64, 3), np.uint8)
    for t in range(WORLD.frames):
        frames[:, t, 28:34, 5 + 3 * t : 29 + 3 * t] = 255
    scores = score_clips(frames, [f"{digit} moving right" for digit in DIGITS], WORLD)
    assert scores.motion_ok.all()
    assert scores.shape_ok.sum() == 0


@pytest.mark.parametrize("name", DIGIT_ALTERATIONS)
@settings(max_examples=1, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_an_altered_clip_is_refused_by_an_attribute_that_the_alteration_touches(name: str, seed: int) -> None:
    alteration = DIGIT_ALTERATIONS[name]
    assert refused_by(alteration, altered_digit_scores(alteration, WORLD, 60, seed=seed)).mean() >= 0.98


def test_noise_of_four_levels_is_forgiven() -> None:
    prompts = prompts_of(WORLD, 60)
    frames = clips_of(prompts, seed=10).astype(np.int64)
    noisy = np.clip(frames + np.random.default_rng(0).integers(-4, 5, frames.shape), 0, 255).astype(np.uint8)
    same = score_clips(noisy, prompts, WORLD).joint == score_clips(frames.astype(np.uint8), prompts, WORLD).joint
    assert same.mean() >= 0.98


def test_a_report_of_real_clips_gives_each_digit_a_row() -> None:
    few = WORLD.model_copy(update={"seen_limit": 40})
    config = EvaluationConfig(samples_seen=2, samples_held_out=2, samples_real=4)
    report = evaluate(
        lambda prompts, seed: make_clips_for(few, prompts=prompts, seed=seed).frames, world=few, config=config
    )
    assert report.tier("T0").generated.joint.value >= 0.9
    assert report.tier("T0").shuffled.joint.value <= 0.2
    assert report.frechet is not None
    assert {one.value for one in report.attributes if (one.tier, one.attribute) == ("T0", "shape")} == set(DIGITS)
    assert "| shape | seven |" in report_markdown(report)
