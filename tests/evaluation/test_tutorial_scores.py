"""Scores in the tutorial's world, by its own laws."""

from __future__ import annotations

import numpy as np

from data.worlds.clips import make_clips_for
from data.worlds.world import WorldConfig
from evaluation.ablation import (
    PARTS,
    Ablation,
    Curve,
    CurvePoint,
    VariantResult,
    ablation_plot,
    ablation_table,
    evenly_spaced,
)
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.scoring.clip_scores import score_clips
from evaluation.scoring.rates import Rate

WORLD = WorldConfig(laws="tutorial")
EVERY_PROMPT = [prompt for prompts in WORLD.tiers.values() for prompt in prompts]


def test_its_own_clips_do_what_their_prompts_say() -> None:
    clips = make_clips_for(WORLD, prompts=EVERY_PROMPT, seed=0)
    assert score_clips(clips.frames, EVERY_PROMPT, WORLD).joint.all()


def test_its_clips_break_the_laws_of_the_varied_world() -> None:
    clips = make_clips_for(WORLD, prompts=EVERY_PROMPT, seed=0)
    assert not score_clips(clips.frames, EVERY_PROMPT, WorldConfig()).joint.any()


def test_a_circle_that_does_nothing_is_right_for_four_prompts_and_wrong_for_the_rest() -> None:
    still = make_clips_for(WORLD, prompts=["circle shrinking"] * len(EVERY_PROMPT), seed=0).frames
    right = score_clips(still, EVERY_PROMPT, WORLD).joint
    assert [prompt for prompt, ok in zip(EVERY_PROMPT, right, strict=True) if ok] == [
        "circle rotating clockwise",
        "circle rotating counter-clockwise",
        "circle shrinking",
        "circle expanding",
    ]


def test_good_frames_in_random_order_are_no_motion() -> None:
    frames = make_clips_for(WORLD, prompts=["circle moving left"], seed=0).frames
    order = np.random.default_rng(0).permutation(WORLD.frames)
    assert not score_clips(frames[:, order], ["circle moving left"], WORLD).motion_ok.any()


def test_a_whole_evaluation_reports_the_real_clips_as_perfect() -> None:
    def sampler(prompts, seed):
        return make_clips_for(WORLD, prompts=prompts, seed=seed).frames

    config = EvaluationConfig(samples_seen=2, samples_held_out=2, samples_real=2, frechet=False)
    report = evaluate(sampler, world=WORLD, config=config)
    assert all(tier.real.joint.value == tier.joint.value == 1 for tier in report.tiers)


def _ablation() -> Ablation:
    def result(name: str, seed: int, hits: int) -> VariantResult:
        points = tuple(
            CurvePoint(cpu_minutes=minutes, step=100 * minutes, joint=Rate.of_counts(hits * minutes // 6, 10))
            for minutes in (2, 4, 6)
        )
        tiers = {"T0": Rate.of_counts(hits, 10), "T1": Rate.of_counts(0, 10)}
        parts = {part: Rate.of_counts(hits, 10) for part in PARTS}
        return VariantResult(name=name, seed=seed, run_id=None, curve=Curve(points=points), tiers=tiers, parts=parts)

    results = [result("as published", 0, 0), result("as published", 1, 0), result("ours", 0, 9), result("ours", 1, 10)]
    return Ablation(cpu_minutes=6, results=tuple(results))


def test_the_table_takes_the_seeds_of_a_variant_together() -> None:
    lines = ablation_table(_ablation()).splitlines()
    parts = "motion, T0 | shape, T0 | colour, T0 | permanence, T0"
    assert lines[0] == f"| the network | joint exact, T0 | joint exact, T1 | {parts} | steps |"
    assert lines[2] == f"| as published | 0.0 % (0.0 to 16.1) | 0.0 % (0.0 to 16.1) |{' 0.0 % |' * 4} 600 |"
    assert lines[3] == f"| ours | 95.0 % (76.4 to 99.1) | 0.0 % (0.0 to 16.1) |{' 95.0 % |' * 4} 600 |"
    assert "2 trainings, with different seeds, of each variant, 6 CPU minutes" in lines[-1]
    assert "same prompts of the varied world" in lines[-1]


def test_the_plot_is_a_picture_and_the_same_figures_give_the_same_bytes() -> None:
    picture = ablation_plot(_ablation())
    assert picture.startswith(b"\x89PNG")
    assert picture == ablation_plot(_ablation())


def test_points_of_a_curve_are_spread_over_the_time_and_the_end_is_one() -> None:
    assert evenly_spaced([1.0, 1.1, 5.0, 9.0, 10.0], points=2) == [2, 4]
    assert evenly_spaced([3.0], points=8) == [0]
    assert evenly_spaced([1.0, 2.0, 3.0, 4.0], points=4) == [0, 1, 2, 3]
