"""Clips that repeat training clips are told from fresh ones."""

import numpy as np
import pytest

from data.worlds.clips import make_clips_for
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.report_markdown import report_markdown
from evaluation.scoring.memorisation import memorisation, nearest

WORLD = WorldConfig(frame_size=32, frames=4, phrases=("moving left", "moving right", "moving up"), held_out=())
CONFIG = EvaluationConfig(samples_seen=8, samples_held_out=8, samples_real=16, frechet=False)


def clips_of(prompt: str, count: int, seed: int) -> np.ndarray:
    return make_clips_for(WORLD, prompts=[prompt] * count, seed=seed).frames


def test_the_distance_is_the_rms_of_the_nearest_clip() -> None:
    white = np.full((1, 2, 4, 4, 3), 255, np.uint8)
    black, grey = np.zeros_like(white), np.full_like(white, 155)
    assert nearest(np.concatenate([white, grey]), np.concatenate([black, grey])) == pytest.approx([100, 0], abs=0.01)


def test_copies_have_the_distance_0_and_fresh_clips_that_of_real_ones() -> None:
    training, real = clips_of("circle moving left", 64, 1), clips_of("circle moving left", 64, 2)
    assert memorisation(training[:8], real, training).ratio == pytest.approx(0, abs=0.01)
    assert memorisation(clips_of("circle moving left", 64, 3), real, training).ratio == pytest.approx(1, abs=0.25)


def test_a_report_says_whether_a_model_repeats_its_training_clips() -> None:
    def copies(prompts, seed):
        return clips_of(prompts[0], len(prompts), 1)

    report = evaluate(copies, world=WORLD, config=CONFIG, training=lambda prompt: clips_of(prompt, 64, 1))
    found = report.tier("T0").memorisation
    assert found is not None
    assert found.ratio == pytest.approx(0, abs=0.01)
    assert "## Distribution" in report_markdown(report)
    unknown = evaluate(copies, world=WORLD, config=CONFIG)
    assert unknown.tier("T0").memorisation is None
