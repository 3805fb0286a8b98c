"""Scores in the tutorial's world, by the laws of that world."""

from __future__ import annotations

import numpy as np

from data.worlds.clips import make_clips_for
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.scoring.clip_scores import score_clips

WORLD = WorldConfig(laws="tutorial")
EVERY_PROMPT = [prompt for prompts in WORLD.tiers.values() for prompt in prompts]


def test_its_real_clips_pass() -> None:
    clips = make_clips_for(WORLD, prompts=EVERY_PROMPT, seed=0)
    assert score_clips(clips.frames, EVERY_PROMPT, WORLD).joint.all()


def test_its_clips_fail_by_the_laws_of_the_varied_world() -> None:
    clips = make_clips_for(WORLD, prompts=EVERY_PROMPT, seed=0)
    assert not score_clips(clips.frames, EVERY_PROMPT, WorldConfig()).joint.any()


def test_a_resting_circle_passes_for_exactly_four_prompts() -> None:
    still = make_clips_for(WORLD, prompts=["circle shrinking"] * len(EVERY_PROMPT), seed=0).frames
    right = score_clips(still, EVERY_PROMPT, WORLD).joint
    assert [prompt for prompt, ok in zip(EVERY_PROMPT, right, strict=True) if ok] == [
        "circle rotating clockwise",
        "circle rotating counter-clockwise",
        "circle shrinking",
        "circle expanding",
    ]


def test_frames_in_random_order_have_no_motion() -> None:
    frames = make_clips_for(WORLD, prompts=["circle moving left"], seed=0).frames
    order = np.random.default_rng(0).permutation(WORLD.frames)
    assert not score_clips(frames[:, order], ["circle moving left"], WORLD).motion_ok.any()


def test_an_evaluation_scores_real_clips_as_perfect() -> None:
    def sampler(prompts, seed):
        return make_clips_for(WORLD, prompts=prompts, seed=seed).frames

    config = EvaluationConfig(samples_seen=2, samples_held_out=2, samples_real=2, frechet=False)
    report = evaluate(sampler, world=WORLD, config=config)
    assert all(tier.real.joint.value == tier.joint.value == 1 for tier in report.tiers)
