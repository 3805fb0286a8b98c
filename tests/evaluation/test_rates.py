"""Shares and their intervals."""

import pytest
from scipy.stats import binomtest

from evaluation.scoring.rates import Rate


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 9), (311, 4608), (255, 256)])
def test_the_interval_is_wilson_s(hits: int, n: int) -> None:
    rate, expected = Rate.of_counts(hits, n), binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("hits", "n"), [(-1, 4), (5, 4), (0, 0)])
def test_impossible_counts_are_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="at least one clip"):
        Rate.of_counts(hits, n)
