"""Diversity is 1 for real clips and 0 for one clip repeated."""

import contextlib
import io

import numpy as np
import pytest

from data.worlds.clips import make_clips_for
from evaluation.scoring.clip_scores import score_clips
from evaluation.scoring.diversity import NEIGHBOURS, Diversity, coverage, diversity

PROMPT = "circle moving left"


def scores_of(world, *, seed, count=256):
    prompts = [PROMPT] * count
    return score_clips(make_clips_for(world, prompts=prompts, seed=seed).frames, prompts, world)


def test_other_real_clips_are_as_diverse_as_real_clips(world):
    found = diversity(scores_of(world, seed=1), scores_of(world, seed=2))
    assert found.start == pytest.approx(1, abs=0.12)
    assert found.speed == pytest.approx(1, abs=0.12)
    assert found.size == pytest.approx(1, abs=0.12)
    assert found.coverage == pytest.approx(found.coverage_real, abs=0.05)


def test_one_clip_repeated_is_not_diverse(world):
    frames = np.repeat(make_clips_for(world, prompts=[PROMPT], seed=0).frames, 64, axis=0)
    found = diversity(score_clips(frames, [PROMPT] * 64, world), scores_of(world, seed=2))
    assert max(found.start, found.speed, found.size) < 1e-9
    assert found.coverage < 0.1


def test_blank_clips_have_no_spread_and_no_coverage(world):
    frames = np.full((16, 10, 64, 64, 3), 255, np.uint8)
    found = diversity(score_clips(frames, [PROMPT] * 16, world), scores_of(world, seed=2))
    assert found.start is None
    assert found.coverage == 0


def test_coverage_agrees_with_its_authors_code():
    prdc = pytest.importorskip("prdc")
    generator = np.random.default_rng(0)
    real, fake = generator.normal(size=(200, 3)), generator.normal(0.8, 0.5, size=(150, 3))
    scaled = real / real.std(axis=0), fake / real.std(axis=0)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = prdc.compute_prdc(*scaled, nearest_k=NEIGHBOURS)["coverage"]
    assert 0.2 < theirs < 0.98
    assert coverage(real, fake) == pytest.approx(theirs)


def test_the_mean_over_prompts_ignores_missing_values():
    one = Diversity(start=1.0, speed=None, size=0.5, coverage=1.0, coverage_real=None)
    other = Diversity(start=0.5, speed=None, size=None, coverage=0.0, coverage_real=None)
    assert Diversity.mean_of([one, other]) == Diversity(
        start=0.75, speed=None, size=0.5, coverage=0.5, coverage_real=None
    )
