"""Versions of a world with validation prompts."""

from __future__ import annotations

from collections.abc import Callable

from data.worlds.presets import pairs_world
from evaluation.promotion_rule import HeadlineScores, judge_candidate
from evaluation.report import EvaluationReport


def test_the_champion_is_chosen_by_validation_prompts_alone(make_report: Callable[..., EvaluationReport]) -> None:
    world = pairs_world()
    low, high = (make_report(seen=0.9, held_out=share, world=world) for share in (0.2, 0.8))

    def good_at(names: set[str]) -> HeadlineScores:
        tiers = tuple((high if tier.name in names else low).tier(tier.name) for tier in low.tiers)
        return HeadlineScores.of(low.model_copy(update={"tiers": tiers}))

    test, validation = good_at({"T3", "T5"}), good_at({"V3", "V5"})
    assert validation.held_out is not None
    assert validation.held_out.n == 64 * (len(world.tiers["V3"]) + len(world.tiers["V5"]))
    assert judge_candidate(validation, test).better
    assert not judge_candidate(test, validation).better
    assert judge_candidate(test, validation).why.startswith("validation joint exact 20")
