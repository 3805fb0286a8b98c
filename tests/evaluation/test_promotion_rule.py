"""The rule that decides which version becomes the champion."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.promotion_rule import HeadlineScores, judge_candidate
from evaluation.scoring.rates import Rate, difference_interval

rate = Rate.of_counts

CHAMPION = HeadlineScores(seen=rate(1120, 1152), held_out=rate(490, 512))  # 97.2 %, 95.7 %


def judge(seen: Rate, held_out: Rate, champion: HeadlineScores = CHAMPION):
    return judge_candidate(HeadlineScores(seen=seen, held_out=held_out), champion, champion_name="version 2")


def test_a_candidate_that_is_better_on_both_wins():
    verdict = judge(rate(1140, 1152), rate(505, 512))
    assert verdict.better
    assert "98.6 %" in verdict.why
    assert "version 2" in verdict.why


def test_an_equal_score_on_held_out_prompts_is_not_better():
    assert not judge(rate(1152, 1152), CHAMPION.held_out).better


def test_a_loss_on_seen_prompts_within_noise_is_accepted():
    assert judge(rate(1110, 1152), rate(505, 512)).better  # 96.4 % against 97.2 %


def test_a_loss_on_seen_prompts_beyond_noise_keeps_the_champion():
    verdict = judge(rate(1070, 1152), rate(512, 512))  # 92.9 % against 97.2 %
    assert not verdict.better
    assert "more than noise" in verdict.why


def test_more_clips_make_the_noise_smaller():
    few = HeadlineScores(seen=rate(35, 36), held_out=rate(10, 12))
    many = HeadlineScores(seen=rate(3500, 3600), held_out=rate(10, 12))
    assert judge(rate(33, 36), rate(12, 12), few).better
    assert not judge(rate(3300, 3600), rate(12, 12), many).better


def test_the_first_version_that_draws_a_held_out_clip_right_is_the_first_champion():
    assert judge_candidate(HeadlineScores(seen=rate(0, 36), held_out=rate(1, 12)), None).better


def test_a_version_that_draws_no_held_out_clip_right_is_never_better():
    nothing = HeadlineScores(seen=rate(36, 36), held_out=rate(0, 12))
    assert not judge_candidate(nothing, None).better
    assert not judge_candidate(nothing, HeadlineScores(seen=rate(0, 36), held_out=rate(0, 12))).better


def test_a_version_without_held_out_prompts_is_never_better():
    unscored = HeadlineScores(seen=rate(36, 36), held_out=None)
    assert not judge_candidate(unscored, None).better
    assert not judge_candidate(unscored, CHAMPION).better
    assert not judge_candidate(CHAMPION, unscored).better


def test_scores_of_two_worlds_are_never_compared():
    better = HeadlineScores(scored_on="b", seen=rate(1152, 1152), held_out=rate(512, 512))
    for champion in (CHAMPION, CHAMPION.model_copy(update={"scored_on": "a"})):
        verdict = judge_candidate(better, champion)
        assert not verdict.better
        assert "another world or data set" in verdict.why
    assert judge_candidate(better, CHAMPION.model_copy(update={"scored_on": "b"})).better


def test_the_first_champion_of_imported_clips_must_be_above_chance():
    def scored(hits: int) -> HeadlineScores:
        return HeadlineScores(
            measure="retrieval",
            scored_on="d",
            seen=rate(400, 512),
            held_out=rate(hits, 512),
            held_out_are="validation",
            chance=0.01,
        )

    for hits, better in ((5, False), (8, False), (40, True)):
        verdict = judge_candidate(scored(hits), None)
        assert verdict.better is better
        assert ("not above chance, 1.0 %" in verdict.why) is not better
    why = judge_candidate(scored(60), scored(40)).why
    assert "validation retrieval 11.7 % is higher than the 7.8 %" in why
    assert "on seen captions 78.1 % is not lower" in why


def test_the_interval_agrees_with_newcombes_own_example():
    # Newcombe 1998, table II: 56/70 - 48/80 is 0.2, and method 10 gives 0.0524 to 0.3339.
    low, high = difference_interval(rate(56, 70), rate(48, 80))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@settings(deadline=None)  # the first interval imports much of scipy
@given(st.integers(1, 500), st.data())
def test_no_candidate_beats_its_equal(trials, data):
    hits = data.draw(st.integers(0, trials))
    same = HeadlineScores(seen=rate(hits, trials), held_out=rate(hits, trials))
    assert not judge_candidate(same, same).better
    low, high = difference_interval(same.seen, same.seen)
    assert low <= 0 <= high


@pytest.mark.parametrize(("hits", "trials"), [(1, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(hits, trials):
    with pytest.raises(ValueError, match="at least one clip"):
        rate(hits, trials)
