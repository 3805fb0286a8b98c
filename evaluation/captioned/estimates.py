"""Means with intervals that allow for clips of one caption being alike, and the three values that stand together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]

_RESAMPLES = 1000


class Estimate(BaseModel):
    """A mean, or a ratio of two means, with its 95 % interval.

    The interval is a percentile bootstrap over captions (Davison and Hinkley, Bootstrap Methods, 1997, section 3.8):
    captions are drawn with replacement, each with all its clips. With one caption, clips are drawn instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")
    n: int = Field(ge=1, description="Number of clips.")
    captions: int = Field(ge=1, description="Number of captions.")

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"

    @classmethod
    def mean_of(cls, values: Floats, captions: list[str]) -> Estimate:
        """The mean of a value per clip, float64 (N,), N >= 1. The clips have the given N captions."""
        estimate = cls.ratio_of(values, np.ones(len(values)), captions)
        if estimate is None:
            raise ValueError("a mean needs at least one value")
        return estimate

    @classmethod
    def ratio_of(cls, above: Floats, below: Floats, captions: list[str]) -> Estimate | None:
        """The sum of `above` / the sum of `below`, each float64 (N,). None if the sum of `below` is 0."""
        if not below.sum():
            return None
        names, groups = np.unique(captions, return_inverse=True)
        count = len(names)
        if count == 1:
            groups = np.arange(len(above))
        tops, bottoms = np.bincount(groups, above), np.bincount(groups, below)
        weights = np.random.default_rng(0).multinomial(len(tops), np.full(len(tops), 1 / len(tops)), _RESAMPLES)
        top, bottom = weights @ tops, weights @ bottoms
        low, high = np.quantile(top[bottom > 0] / bottom[bottom > 0], (0.025, 0.975))
        return cls(value=above.sum() / below.sum(), low=low, high=high, n=len(above), captions=count)


class Bounded(BaseModel):
    """A value of generated clips beside its two bounds. A value is None where it is not defined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: Estimate | None = Field(description="The model's samples.")
    real: Estimate | None = Field(description="Real clips. A perfect model would reach it.")
    shuffled: Estimate | None = Field(description="What samples reach in which the measured property is destroyed.")

    @property
    def ratio(self) -> float | None:
        """Generated / real: 1 is like reality. None if a value is missing, or if the real value is 0."""
        if self.generated is None or self.real is None or not self.real.value:
            return None
        return self.generated.value / self.real.value
