"""The world `shapes`: each shape, colour and motion is distinguished from all others in real clips."""

import numpy as np
import pytest

from data.selection import evenly_spread
from data.worlds.clips import make_clips_for
from data.worlds.motions import MOTIONS
from data.worlds.presets import shapes_world
from data.worlds.prompts import PHRASES
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.tiers import GROUPS
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.report import LISTED_WORST
from evaluation.report_markdown import report_markdown
from evaluation.scoring.clip_scores import score_clips, score_observations
from evaluation.scoring.observations import observe


@pytest.fixture(scope="module")
def shapes():
    return shapes_world()


def clips_of(world, prompts, seed=0):
    return make_clips_for(world, prompts=prompts, seed=seed).frames.copy()


def test_real_clips_of_every_shape_and_motion_are_exact(shapes):
    colours = list(COLOURS)
    prompts = [
        f"{colours[(n + k) % len(colours)]} {shape} {phrase}"
        for n, shape in enumerate(SHAPES)
        for k, phrase in enumerate(PHRASES)
        for _ in range(4)
    ]
    scores = score_clips(clips_of(shapes, prompts, seed=7), prompts, shapes)
    assert set(scores.expected) == set(MOTIONS)
    for right in (scores.motion_ok, scores.shape_ok, scores.colour_ok, scores.count_ok, scores.permanence_ok):
        assert right.mean() >= 0.99
    assert scores.joint.mean() >= 0.99
    assert scores.shape_iou.mean() >= 0.98
    assert scores.rmse.max() <= 0.5


@pytest.mark.parametrize("tier", ["T0", "T1", "T2", "T3", "T4", "V4w"])
def test_real_clips_of_every_tier_are_exact(shapes, tier):
    shapes = shapes.model_copy(update={"varied_captions": 1})
    prompts = list(evenly_spread(shapes.tiers[tier], 40)) * 3
    assert score_clips(clips_of(shapes, prompts, seed=8), prompts, shapes).joint.mean() >= 0.99


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_distinguished_from_all_others_in_every_motion(shapes, shape):
    shown = [f"green {shape} {phrase}" for phrase in PHRASES for _ in range(3)]
    seen = observe(clips_of(shapes, shown, seed=9), shapes)
    for other in set(SHAPES) - {shape}:
        scores = score_observations(seen, [prompt.replace(shape, other) for prompt in shown], shapes)
        assert not scores.shape_ok.any()
        assert scores.motion_ok.mean() >= 0.98
        assert scores.colour_ok.all()
        assert np.mean([scores.faults["shape"] & ~scores.faults["motion"] & ~scores.faults["count"]]) >= 0.98


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_distinguished_from_all_others(shapes, colour):
    shown = [f"{colour} {shape} moving left" for shape in SHAPES]
    seen = observe(clips_of(shapes, shown), shapes)
    for other in set(COLOURS) - {colour}:
        scores = score_observations(seen, [prompt.replace(colour, other) for prompt in shown], shapes)
        assert not scores.colour_ok.any()
        assert (scores.motion_ok & scores.shape_ok & scores.count_ok).all()


def test_a_second_object_is_a_wrong_count_only(shapes):
    frames = clips_of(shapes, ["red star moving left"] * 4)
    frames[:, :, :12, :12] = (220, 0, 0)
    scores = score_clips(frames, ["red star moving left"] * 4, shapes)
    assert scores.faults["count"].all()
    assert not scores.faults["permanence"].any()
    assert set(scores.count.tolist()) == {2}


def test_a_report_of_many_prompts_lists_the_worst_and_summarises_all(shapes):
    few = shapes.model_copy(update={"seen_limit": 60})

    def never_bounces(prompts, seed):
        drawn = [prompt.replace("bouncing vertically", "moving down") for prompt in prompts]
        return make_clips_for(few, prompts=drawn, seed=seed).frames

    config = EvaluationConfig(samples_seen=2, samples_held_out=2, samples_real=4, frechet=False)
    report = evaluate(never_bounces, world=few, config=config)
    assert {group: len(report.listed(group)) for group in GROUPS} == {
        "seen": LISTED_WORST,
        "validation": 36,
        "test": LISTED_WORST,
    }
    failed = {scores.name for scores in report.prompts if scores.joint.value == 0}
    assert failed
    assert failed <= {scores.name for group in GROUPS for scores in report.listed(group)}
    bouncing = next(one for one in report.attributes if (one.tier, one.value) == ("T0", "bounce-vertical"))
    assert bouncing.joint.value == bouncing.right.value == 0
    assert report.tier("T0").generated.faults.motion == report.tier("T0").generated.faults.clips > 0
    text = report_markdown(report)
    assert "### Seen: the 20 worst of 60\n" in text
    assert "| motion | bounce-vertical | 0.0 % (0.0 %) |" in text
    assert text.count("\n| ") < 150
