"""Whether the samples of a prompt differ from one another as much as real clips do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.scoring.clip_scores import ClipScores
from evaluation.scoring.scores import finite_mean

NEIGHBOURS = 5
"""The radius around a real clip is the distance to its 5th neighbour, as the paper recommends."""
_NO_SPREAD = 0.05
"""Real spreads below this (px) count as no spread. A world may fix a size, and a ratio to it would mean nothing."""


class Diversity(BaseModel):
    """The spread of a prompt's samples, divided by the spread of real clips.

    1 is as varied as reality, 0 is one clip repeated.
    A value is None if the real clips have no spread, or if too few clips could be followed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float | None = Field(description="Spread of the position in the first frame / real spread.")
    speed: float | None = Field(description="Spread of the speed / real spread.")
    size: float | None = Field(description="Spread of the size / real spread.")
    coverage: float | None = Field(
        description="Share of the real clips with a generated clip in their neighbourhood, 0 to 1."
    )
    coverage_real: float | None = Field(
        description="The coverage that other real clips reach. A perfect model would reach it."
    )

    @classmethod
    def mean_of(cls, several: Sequence[Diversity]) -> Diversity:
        """The mean of each value over the prompts that have it."""
        return cls(**{name: finite_mean([getattr(one, name) for one in several]) for name in cls.model_fields})


def diversity(generated: ClipScores, real: ClipScores) -> Diversity:
    """Compare samples of one prompt with real clips of the prompt. Coverage uses equally many samples and real clips.

    Args:
        generated: scores of N samples of one prompt.
        real: scores of M real clips. One half is the reference of the coverage, the other half gives its bound.
    """
    mine, theirs = _traits(generated), _traits(real)
    size = min(len(mine), len(theirs) // 2)
    reference, others = theirs[:size], theirs[len(theirs) // 2 :][:size]
    return Diversity(
        start=_ratio(generated.start, real.start),
        speed=_ratio(generated.speed, real.speed),
        size=_ratio(generated.size, real.size),
        coverage=coverage(reference, mine[:size]),
        coverage_real=coverage(reference, others),
    )


def coverage(real: NDArray[np.float64], generated: NDArray[np.float64]) -> float | None:
    """Share of the real points with a generated point closer than their own 5th neighbour, 0 to 1.

    "Coverage" of Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020. Each
    column is divided by its real spread first. Points with a NaN are left out.

    Args:
        real: float64 (N, K).
        generated: float64 (M, K).

    Returns:
        None if there are too few real points for a neighbourhood, or if they have no spread.
    """
    real, generated = (points[np.isfinite(points).all(axis=1)] for points in (real, generated))
    if len(real) <= NEIGHBOURS:
        return None
    if not len(generated):
        return 0.0
    spread = real.std(axis=0)
    varied = spread > _NO_SPREAD
    if not varied.any():
        return None
    real, generated = real[:, varied] / spread[varied], generated[:, varied] / spread[varied]
    from scipy.spatial import KDTree  # takes half a second, which most commands can save

    ball = np.asarray(KDTree(real).query(real, k=NEIGHBOURS + 1)[0])[:, -1]  # each point is its own nearest neighbour
    nearest = np.asarray(KDTree(generated).query(real)[0])
    return float((nearest < ball).mean())


def _traits(scores: ClipScores) -> NDArray[np.float64]:
    """Start x and y, speed and size of the K objects of each clip, float64 (N, 4 K)."""
    return np.column_stack([scores.start, scores.speed, scores.size])


def _ratio(generated: NDArray[np.float64], real: NDArray[np.float64]) -> float | None:
    mine, theirs = _spread(generated), _spread(real)
    return mine / theirs if mine is not None and theirs is not None and theirs > _NO_SPREAD else None


def _spread(points: NDArray[np.float64]) -> float | None:
    """The root of the variance summed over the columns, of the rows without NaN."""
    points = points[np.isfinite(points).all(axis=1)]
    return float(np.sqrt(points.var(axis=0, ddof=1).sum())) if len(points) > 1 else None
