"""The README's table, filled from reports."""

import numpy as np
import pytest

from benchmarks.readme_table import README, fill, results_table
from data.worlds.clips import make_clips_for
from data.worlds.world import HeldOut, WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.report import EvaluationReport
from evaluation.scoring.rates import Rate


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    world = WorldConfig(
        phrases=("moving left", "shrinking"),
        held_out=(HeldOut(tier="T1", phrase="moving right"), HeldOut(tier="T2", phrase="expanding")),
    )
    config = EvaluationConfig(samples_seen=4, samples_held_out=4, samples_real=4, frechet=False)
    return evaluate(
        lambda prompts, seed: make_clips_for(world, prompts=prompts, seed=seed).frames, world=world, config=config
    )


def test_the_table_shows_bar_mean_worst_seed_with_its_interval_all_seeds_and_both_bounds(
    report: EvaluationReport,
) -> None:
    lost = report.tier("T0").generated.model_copy(update={"joint": Rate.of(np.arange(8) < 4)})
    tiers = [tier.model_copy(update={"generated": lost}) if tier.name == "T0" else tier for tier in report.tiers]
    lines = results_table([report, report.model_copy(update={"tiers": tuple(tiers)}), report]).splitlines()
    assert lines[0] == (
        "| what | bar: mean / worst seed | mean of 3 | worst seed | seeds 0 to 2 | real clips | shuffled prompts |"
    )
    seen = lines[2].split(" | ")
    assert seen[1:5] == ["96 / 94 %", "**83.3 %**", "50.0 % (21.5 to 78.5)", "100.0, 50.0, 100.0"]
    assert seen[5] == "100.0 %"
    assert seen[6].startswith("0.0 %")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_the_readme_keeps_its_markers_and_everything_around_them() -> None:
    readme = README.read_text(encoding="utf-8")
    once = fill(readme, "| a table |")
    assert "| a table |" in once
    assert fill(once, "| another |") == fill(readme, "| another |")
    assert once.partition("<!-- results:begin -->")[0] == readme.partition("<!-- results:begin -->")[0]


def test_a_readme_without_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="results:begin"):
        fill("# Flipbook", "| a table |")
