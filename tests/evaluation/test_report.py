"""Evaluations of models whose scores are known: perfect ones, and ones that ignore their prompts."""

import numpy as np
import pytest

from data.worlds.clips import make_clips_for
from data.worlds.prompts import parse_prompt
from data.worlds.world import HeldOut, WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.evaluate import draw_samples, evaluate
from evaluation.report import EvaluationReport
from evaluation.report_markdown import report_markdown

CONFIG = EvaluationConfig(samples_seen=8, samples_held_out=12, samples_real=16, frechet=False)


@pytest.fixture(scope="module")
def small_world():
    return WorldConfig(
        phrases=("moving down", "moving diagonally down-right", "moving down-right", "shrinking"),
        held_out=(HeldOut(tier="T1", phrase="moving right"),),
    )


def perfect(world):
    return lambda prompts, seed: make_clips_for(world, prompts=prompts, seed=seed).frames


@pytest.fixture(scope="module")
def report(small_world):
    return evaluate(perfect(small_world), world=small_world, config=CONFIG)


def test_a_perfect_model_is_scored_as_real_clips_are(report):
    assert [tier.name for tier in report.tiers] == ["T0", "T1"]
    for scores in (*report.tiers, *report.prompts):
        assert scores.joint.value == scores.real.joint.value == 1
        assert scores.shuffled.joint.value == 0
        assert scores.generated.shape_iou > 0.97
    assert report.tier("T0").joint.n == 4 * 8
    assert report.tier("T1").joint.n == 12
    assert report.frechet is None


def test_intervals_narrow_with_more_clips(report):
    few, many = report.tier("T1").joint, report.tier("T0").joint
    assert few.low < many.low < 1
    assert few.high == pytest.approx(1)
    assert many.low == pytest.approx(0.893, abs=0.001)  # Wilson's interval of 32 of 32


def test_shuffled_prompts_always_ask_for_something_else(small_world):
    """Two of the phrases mean the same, so that a plain shuffle would let clips pass."""
    alike = [p for p in small_world.seen_prompts if parse_prompt(p)[0].motion == "down-right"]
    assert len(alike) == 2
    found = evaluate(perfect(small_world), world=small_world, config=CONFIG)
    assert all(scores.shuffled.joint.value == 0 for scores in found.prompts if scores.name in alike)


def test_a_model_that_ignores_its_prompt_passes_only_for_the_prompt_that_it_draws(small_world):
    def ignores_prompts(prompts, seed):
        return make_clips_for(small_world, prompts=["circle moving down"] * len(prompts), seed=seed).frames

    found = evaluate(ignores_prompts, world=small_world, config=CONFIG)
    passed = {scores.name: scores.joint.value for scores in found.prompts}
    assert passed == {prompt: float(prompt == "circle moving down") for prompt in passed}
    assert found.worst("T0").joint.value == 0


def test_the_report_survives_json(report):
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report


def test_the_same_evaluation_gives_the_same_report(report, small_world):
    assert evaluate(perfect(small_world), world=small_world, config=CONFIG) == report


def test_the_report_of_blank_clips_has_gaps_instead_of_numbers(small_world):
    def blank(prompts, seed):
        return np.full((len(prompts), 10, 64, 64, 3), 255, np.uint8)

    found = evaluate(blank, world=small_world, config=CONFIG)
    assert found.tier("T0").generated.rmse is None
    assert found.tier("T0").joint.value == 0
    assert EvaluationReport.model_validate_json(found.model_dump_json()) == found
    assert "nan" not in report_markdown(found).lower()


def test_the_frechet_distance_is_reported_with_its_floor(small_world):
    found = evaluate(perfect(small_world), world=small_world, config=CONFIG.model_copy(update={"frechet": True}))
    assert found.frechet is not None
    assert found.frechet.n == 4 * 8
    assert found.frechet.shuffled_frames > 2 * found.frechet.floor


def test_markdown_names_every_prompt_and_tier_with_bounds(report):
    text = report_markdown(report)
    for prompt in report.prompts:
        assert f"| {prompt.name} |" in text
    assert "**T1**" in text
    assert "shuffled prompts" in text
    for table in text.split("\n\n"):
        assert len({row.count("|") for row in table.splitlines() if row.startswith("|")}) <= 1


def test_progress_is_reported_for_each_prompt(small_world):
    told = []
    evaluate(perfect(small_world), world=small_world, config=CONFIG, report=lambda *what: told.append(what))
    assert [done for done, _, _ in told] == list(range(6))
    assert {total for _, total, _ in told} == {5}
    assert told[0][2] == small_world.seen_prompts[0]


def test_the_first_samples_are_those_that_an_evaluation_scores(small_world):
    prompt = small_world.seen_prompts[2]
    few = draw_samples(perfect(small_world), prompt, count=3, seed=5, world=small_world)
    many = draw_samples(perfect(small_world), prompt, count=8, seed=5, world=small_world)
    assert np.array_equal(many[:3], few)


def test_a_sampler_that_returns_frames_of_another_shape_is_an_error(small_world):
    with pytest.raises(ValueError, match="circle moving down"):
        evaluate(lambda prompts, seed: np.zeros((1, 2, 3), np.uint8), world=small_world, config=CONFIG)


def test_an_unknown_tier_is_an_error_that_lists_the_tiers(report):
    with pytest.raises(KeyError, match="T0, T1"):
        report.tier("T7")
