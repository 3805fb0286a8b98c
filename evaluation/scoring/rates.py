"""Shares of clips with their confidence intervals, and the interval of the difference of two shares."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Z_95 = NormalDist().inv_cdf(0.975)


class Rate(BaseModel):
    """A share of clips with its 95 % interval (Wilson, Journal of the American Statistical Association 22 (1927))."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0, le=1, description="Share of the clips that pass.")
    low: float = Field(description="Lower end of the Wilson 95 % interval.")
    high: float = Field(description="Upper end of the Wilson 95 % interval.")
    n: int = Field(ge=1, description="Number of clips.")

    @classmethod
    def of(cls, passed: NDArray[np.bool_]) -> Rate:
        """The rate of a bool (N,) array. Raises ValueError if it is empty."""
        return cls.of_counts(int(passed.sum()), len(passed))

    @classmethod
    def of_counts(cls, hits: int, n: int) -> Rate:
        """The rate of `hits` among `n` clips. Raises ValueError unless 0 <= hits <= n and n > 0."""
        if not (0 <= hits <= n and n > 0):
            raise ValueError(f"a rate needs at least one clip and no more hits than clips, not {hits} of {n}")
        share, weight = hits / n, Z_95**2 / n
        middle = (share + weight / 2) / (1 + weight)
        reach = sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
        return cls(value=share, low=middle - reach if hits else 0.0, high=middle + reach if hits < n else 1.0, n=n)

    @classmethod
    def pooled(cls, rates: Sequence[Rate]) -> Rate:
        """The rate over the clips of all `rates` together."""
        return cls.of_counts(sum(round(rate.value * rate.n) for rate in rates), sum(rate.n for rate in rates))

    @property
    def percent(self) -> str:
        """The share without its interval, as in "98.6 %"."""
        return f"{100 * self.value:.1f} %"

    def __str__(self) -> str:
        return f"{self.percent} [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def difference_interval(a: Rate, b: Rate) -> tuple[float, float]:
    """95 % interval of ``a.value - b.value``.

    It is made of the two Wilson intervals (Newcombe, Statistics in Medicine 17 (1998), method 10).
    """
    difference = a.value - b.value
    return (
        difference - hypot(a.value - a.low, b.high - b.value),
        difference + hypot(a.high - a.value, b.value - b.low),
    )
