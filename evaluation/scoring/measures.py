"""Scores of many clips drawn together: rates with their intervals, and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import binomtest

from evaluation.scoring.metrics import FAULTS, ClipScores


class Rate(BaseModel):
    """A share of clips, with its Wilson 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0, le=1, description="Share of the clips that pass.")
    low: float = Field(description="Lower end of Wilson's 95 % interval.")
    high: float = Field(description="Upper end of Wilson's 95 % interval.")
    n: int = Field(ge=1, description="Clips.")

    @classmethod
    def of(cls, passed: NDArray[np.bool_]) -> Rate:
        """The rate of a bool (N,) array; raises ValueError if it is empty."""
        return cls.of_counts(int(passed.sum()), len(passed))

    @classmethod
    def of_counts(cls, hits: int, n: int) -> Rate:
        """The rate of `hits` among `n` clips; raises ValueError unless 0 <= hits <= n and n > 0."""
        if not (0 <= hits <= n and n > 0):
            raise ValueError(f"a rate needs at least one clip and no more hits than clips, not {hits} of {n}")
        interval = binomtest(hits, n).proportion_ci(confidence_level=0.95, method="wilson")
        return cls(value=hits / n, low=float(interval.low), high=float(interval.high), n=n)

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


class Faults(BaseModel):
    """Clips that fail, by what alone is wrong with them; those with more than one fault are `several`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    motion: int = Field(ge=0, description="Another motion than the prompted one, or none.")
    shape: int = Field(ge=0, description="Another shape.")
    colour: int = Field(ge=0, description="Another colour.")
    count: int = Field(ge=0, description="An object is missing, or there is something else.")
    permanence: int = Field(ge=0, description="It is not there throughout, or not of one size.")
    several: int = Field(ge=0, description="More than one of these.")

    @classmethod
    def of(cls, scores: Sequence[ClipScores]) -> Faults:
        """Counted over all clips of `scores`."""
        wrong = np.concatenate([np.stack(list(part.faults.values())) for part in scores], axis=1)
        single = wrong.sum(axis=0) == 1
        alone = {name: int((row & single).sum()) for name, row in zip(FAULTS, wrong, strict=True)}
        return cls(**alone, several=int((wrong.sum(axis=0) > 1).sum()))

    @property
    def clips(self) -> int:
        """How many clips fail."""
        return sum(count for _, count in self)

    def __str__(self) -> str:
        """Most frequent first, as "motion 5, several 2"."""
        return ", ".join(f"{name} {count}" for name, count in sorted(self, key=lambda item: -item[1]) if count)


class Measures(BaseModel):
    """The scores of some clips against their prompts. A mean is None where no clip has a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    joint: Rate = Field(description="Joint exact: right motion, shape, colour, count and permanence. The headline.")
    motion: Rate = Field(description="Motion accuracy.")
    shape: Rate = Field(description="The prompted shape, by overlap.")
    permanence: Rate = Field(description="Exactly one blob of the right size in nine frames of ten.")
    colour: Rate = Field(description="The prompted colour.")
    count: Rate = Field(description="All prompted objects, each of them once, and nothing else.")
    faults: Faults = Field(description="What is wrong with the clips that fail.")
    shape_iou: float = Field(description="Mean overlap (IoU) with the ideal prompted shape, 0 to 1.")
    rmse: float | None = Field(description="Mean distance from the best path of the prompted motion, px RMSE.")
    cosine: float | None = Field(description="Mean cosine between seen steps and those of that path, -1 to 1.")
    smoothness: float | None = Field(description="Mean second difference of the centroid, px; compare with real clips.")

    @classmethod
    def of(cls, scores: Sequence[ClipScores]) -> Measures:
        """The measures of all clips of `scores` together."""

        def pooled(name: str) -> NDArray[np.float64]:
            return np.concatenate([getattr(part, name) for part in scores])

        return cls(
            joint=Rate.of(pooled("joint").astype(np.bool_)),
            motion=Rate.of(pooled("motion_ok").astype(np.bool_)),
            shape=Rate.of(pooled("shape_ok").astype(np.bool_)),
            permanence=Rate.of(pooled("permanence_ok").astype(np.bool_)),
            colour=Rate.of(pooled("colour_ok").astype(np.bool_)),
            count=Rate.of(pooled("count_ok").astype(np.bool_)),
            faults=Faults.of(scores),
            shape_iou=float(pooled("shape_iou").mean()),
            rmse=finite_mean(pooled("rmse")),
            cosine=finite_mean(pooled("cosine")),
            smoothness=finite_mean(pooled("smoothness")),
        )


def finite_mean(values: Sequence[float | None] | NDArray[np.float64]) -> float | None:
    """Mean of the finite values; None where there are none."""
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    return float(numbers.mean()) if len(numbers) else None
