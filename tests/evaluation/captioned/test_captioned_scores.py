"""Ranks, intervals and distances agree with values that are known."""

import numpy as np
import pytest

from evaluation.captioned.clips import CaptionedClips
from evaluation.captioned.estimates import Estimate
from evaluation.captioned.frechet import captioned_frechet
from evaluation.captioned.memorisation import captioned_memorisation
from evaluation.captioned.observed import Observed, coarse_copies
from evaluation.captioned.retrieval import Candidates, RetrievalScores, ranks_of


def observed(frames, captions, vectors=None):
    number = len(frames)
    return Observed(
        list(captions), np.zeros((number, 2)), np.zeros((number, 2)) if vectors is None else vectors, frames
    )


def clips(captions):
    return CaptionedClips(np.zeros((len(captions), 3, 8, 8, 3), np.uint8), tuple(captions))


def test_a_tie_counts_as_a_miss():
    vectors = {"a": (1, 0), "b": (0, 1), "same as a": (1, 0)}
    one = observed(np.zeros((2, 3, 8, 8, 3), np.uint8), ["a", "b"], np.array([[1.0, 0], [0.6, 0.8]]))
    others = {"a": ["b"], "b": ["a"]}
    assert ranks_of(one, ["a", "b"], others, lambda names: np.array([vectors[n] for n in names])).tolist() == [1, 1]
    others = {"a": ["b", "same as a"], "b": ["a", "same as a"]}
    assert ranks_of(one, ["a", "b"], others, lambda names: np.array([vectors[n] for n in names])).tolist() == [2, 1]


def test_captions_of_the_same_clip_are_no_candidates():
    split = clips([("a", "another a"), ("b",), *((f"caption {k}",) for k in range(20))])
    candidates = Candidates(split, split, count=100, seed=0)
    assert "another a" not in candidates.others("a")
    assert len(candidates.others("a")) == 21
    assert not candidates.filled_up
    few = Candidates(split, split, count=8, seed=0)
    assert len(few.others("b")) == 7
    assert few.others("b") == few.others("b")


def test_a_caption_that_shares_its_clip_with_the_whole_split_gets_candidates_from_training():
    split = clips([tuple(f"caption {k}" for k in range(20))])
    training = clips([(f"other {k}",) for k in range(30)])
    candidates = Candidates(split, training, count=100, seed=0)
    assert sorted(candidates.others("caption 3")) == sorted(training.distinct)
    assert candidates.filled_up
    with pytest.raises(ValueError, match="add clips with other captions"):
        Candidates(split, split, count=100, seed=0).others("caption 3")


def test_captions_with_the_same_words_are_no_candidates_for_each_other():
    split = clips([("A dog runs.",), ("a dog runs",), ("🐕",), ("🐈",), *((f"caption {k}",) for k in range(20))])
    candidates = Candidates(split, split, count=100, seed=0)
    assert "a dog runs" not in candidates.others("A dog runs.")
    assert "🐈" not in candidates.others("🐕")
    assert len(candidates.others("A dog runs.")) == 22


def test_the_rate_of_few_captions_with_many_clips_each_is_uncertain():
    ranks = np.repeat([1, 2, 2, 2, 2], 100)
    scores = RetrievalScores.of(ranks, [f"caption {k // 100}" for k in range(500)])
    assert scores.rate.value == scores.top1.value == 0.2
    assert scores.top1.low > 0.16
    assert scores.rate.low == 0.0


def test_the_interval_allows_for_clips_of_one_caption_being_alike():
    values = np.repeat([0.0, 1.0, 0.0, 1.0], 50)
    alike = Estimate.mean_of(values, [f"caption {k // 50}" for k in range(200)])
    independent = Estimate.mean_of(values, [f"caption {k}" for k in range(200)])
    assert alike.value == independent.value == 0.5
    assert alike.high - alike.low > 3 * (independent.high - independent.low)
    assert independent.high - independent.low == pytest.approx(2 * 1.96 * 0.5 / 200**0.5, rel=0.1)
    one = Estimate.mean_of(values, ["the only caption"] * 200)
    assert one.low < 0.5 < one.high
    assert Estimate.ratio_of(values, np.zeros(200), ["a"] * 200) is None


def test_real_clips_are_not_compared_with_themselves():
    generator = np.random.default_rng(0)
    training = generator.integers(0, 256, (600, 3, 16, 16, 3), dtype=np.uint8)
    rows = np.array([3, 599])
    real = observed(coarse_copies(training[rows]), ["a", "b"])
    copies = observed(coarse_copies(training[[5, 550]]), ["a", "b"])
    found = captioned_memorisation(copies, real, training, real_rows=rows)
    assert found.distance.generated.value == pytest.approx(0, abs=0.1)
    assert found.distance.real.value > 50
    assert found.distance.shuffled.value > found.distance.real.value
    held_out = captioned_memorisation(copies, real, training, real_rows=None)
    assert held_out.distance.real.value == pytest.approx(0, abs=0.1)


def test_the_frechet_interval_holds_the_value_and_few_clips_have_none():
    generator = np.random.default_rng(0)
    real, far = generator.normal(size=(200, 4)), generator.normal(2, 1, (100, 4))
    found = captioned_frechet(far, far, real)
    assert found.n == 100
    assert found.generated.low < 16 < found.generated.high
    assert found.floor.high < found.generated.low
    assert captioned_frechet(far[:15], far[:15], real) is None
