"""Hundreds of prompts: what MLflow and Prefect are given stays within what they keep, and what people read."""

from __future__ import annotations

import json

import pytest

from data.worlds.presets import pairs_world, shapes_world
from data.worlds.tiers import GROUPS, group_of
from tasks.evaluation.evaluate import Evaluation
from tasks.evaluation.publish import HEADINGS, score_rows, videos_markdown
from tracking.results.evaluation import prompts_dataset
from tracking.results.measures import SOURCE_LIMIT, tier_prompts, tier_values

WORLDS = {"shapes": shapes_world(), "pairs": pairs_world()}


@pytest.mark.parametrize("name", WORLDS)
def test_the_record_of_a_tier_is_what_mlflow_takes(name: str) -> None:
    from mlflow.utils.validation import _validate_dataset

    for tier, prompts in WORLDS[name].tiers.items():
        dataset = prompts_dataset(tier_prompts(tier, prompts)).dataset
        _validate_dataset(dataset)
        assert json.loads(dataset.source)["tags"]["prompts"] == list(prompts)


def test_of_too_many_prompts_an_even_choice_is_recorded() -> None:
    prompts = tuple(f"red circle moving up and blue square number {number}" for number in range(5000))
    dataset = prompts_dataset(tier_prompts("T0", prompts)).dataset
    assert len(dataset.source) <= SOURCE_LIMIT
    kept = json.loads(dataset.source)["tags"]["prompts"]
    assert len(kept) > 500
    assert set(kept) <= set(prompts)
    assert json.loads(dataset.profile) == {"prompts": 5000}


@pytest.mark.parametrize("name", WORLDS)
def test_the_pages_of_a_run_show_a_choice_of_prompts_and_say_so(name: str, make_report, tmp_path) -> None:
    world = WORLDS[name]
    report = make_report(seen=0.9, held_out=0.5, clips=8, world=world)
    listed = {"shapes": [20, 36, 20], "pairs": [20, 20, 20]}[name]
    assert [len(report.listed(group)) for group in GROUPS] == listed
    assert len(score_rows(report)) == len(world.tiers) + sum(listed)
    assert score_rows(report)[0]["failed by"].startswith("motion ")
    assert all(row["prompt"] in world.tiers[row["tier"]] for row in score_rows(report)[len(world.tiers) :])
    text = videos_markdown(Evaluation(tmp_path, ""), report, model_ref="models:/flipbook/1", origin="")
    for group, heading in HEADINGS.items():
        asked = sum(len(prompts) for tier, prompts in world.tiers.items() if group_of(tier) == group)
        assert f"### {heading} (" in text
        assert f" of {asked} prompts)" in text
    assert text.count("**") <= 2 * 20 * len(world.tiers)
    assert {"motion", "shape", "colour", "count", "permanence"} <= set(tier_values(report.tier("T0"), report))
