"""The rule by which a champion is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.comparison import Proportion, Standing, compare, difference_interval

CHAMPION = Standing(seen=Proportion(1120, 1152), held_out=Proportion(490, 512))  # 97.2 %, 95.7 %


def judge(seen: Proportion, held_out: Proportion, champion: Standing = CHAMPION):
    return compare(Standing(seen=seen, held_out=held_out), champion, champion_name="version 2")


def test_a_candidate_that_is_better_on_both_wins():
    verdict = judge(Proportion(1140, 1152), Proportion(505, 512))
    assert verdict.better
    assert "98.6 %" in verdict.why
    assert "version 2" in verdict.why


def test_equal_on_held_out_prompts_is_not_better():
    verdict = judge(Proportion(1152, 1152), CHAMPION.held_out)
    assert not verdict.better
    assert "not higher" in verdict.why


def test_a_loss_on_seen_prompts_within_noise_is_forgiven():
    assert judge(Proportion(1110, 1152), Proportion(505, 512)).better  # 96.4 % against 97.2 %


def test_a_loss_on_seen_prompts_beyond_noise_keeps_the_champion():
    verdict = judge(Proportion(1070, 1152), Proportion(512, 512))  # 92.9 % against 97.2 %
    assert not verdict.better
    assert "more than noise" in verdict.why


def test_what_counts_as_noise_shrinks_with_the_number_of_clips():
    few = Standing(seen=Proportion(35, 36), held_out=Proportion(10, 12))
    many = Standing(seen=Proportion(3500, 3600), held_out=Proportion(10, 12))
    assert judge(Proportion(33, 36), Proportion(12, 12), few).better
    assert not judge(Proportion(3300, 3600), Proportion(12, 12), many).better


def test_the_interval_is_newcombes_own_example():
    # Newcombe 1998, table II: 56/70 - 48/80 is 0.2, method 10 gives 0.0524 to 0.3339
    low, high = difference_interval(Proportion(56, 70), Proportion(48, 80))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(1, 500), st.data())
def test_no_candidate_beats_its_equal(trials, data):
    hits = data.draw(st.integers(0, trials))
    same = Standing(seen=Proportion(hits, trials), held_out=Proportion(hits, trials))
    assert not compare(same, same, champion_name="itself").better
    low, high = difference_interval(same.seen, same.seen)
    assert low <= 0 <= high


@pytest.mark.parametrize(("hits", "trials"), [(1, 0), (3, 2), (-1, 2)])
def test_what_is_no_proportion_is_refused(hits, trials):
    with pytest.raises(ValueError, match="no proportion"):
        Proportion(hits, trials)
