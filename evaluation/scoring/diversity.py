"""Whether the samples of a prompt differ as real clips do, or repeat one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import KDTree

from evaluation.scoring.clip_scores import ClipScores
from evaluation.scoring.scores import finite_mean

NEIGHBOURS = 5
"""Neighbours that span the ball around a real clip, as in the paper's recommendation."""
_NO_SPREAD = 0.05
"""Real spreads below this (px) are no spread: a world may fix a size, and a ratio to it would mean nothing."""


class Diversity(BaseModel):
    """Spread of a prompt's samples over that of real clips: 1 is as varied as reality, 0 is one clip again and again.

    A value is None where the real clips have no spread, or too few clips could be followed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float | None = Field(description="Spread of the position in the first frame, over the real one.")
    speed: float | None = Field(description="Spread of the speed, over the real one.")
    size: float | None = Field(description="Spread of the size, over the real one.")
    coverage: float | None = Field(
        description="Share of real clips with a generated one in their neighbourhood, 0 to 1."
    )
    coverage_real: float | None = Field(description="The same for other real clips: what a perfect model would reach.")

    @classmethod
    def mean_of(cls, several: Sequence[Diversity]) -> Diversity:
        """Mean over prompts of each value that they have."""
        return cls(**{name: finite_mean([getattr(one, name) for one in several]) for name in cls.model_fields})


def diversity(generated: ClipScores, real: ClipScores) -> Diversity:
    """Compare samples of one prompt with real clips of it; coverage is taken of equally many samples and clips.

    Args:
        generated: scores of N samples of one prompt.
        real: scores of M real clips of it; one half of them is the reference of the coverage, the other its bound.
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
    """Share of real points whose ball to their 5th neighbour holds a generated one, 0 to 1.

    "Coverage" of Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020. The
    traits are first scaled to the real spread; points with a NaN are left out.

    Args:
        real: float64 (N, K).
        generated: float64 (M, K).

    Returns:
        None where there are too few real points for a neighbourhood.
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
    ball = np.asarray(KDTree(real).query(real, k=NEIGHBOURS + 1)[0])[:, -1]  # the nearest one is the point itself
    nearest = np.asarray(KDTree(generated).query(real)[0])
    return float((nearest < ball).mean())


def _traits(scores: ClipScores) -> NDArray[np.float64]:
    """Start x and y, speed, size of each clip's K objects: float64 (N, 4 K)."""
    return np.column_stack([scores.start, scores.speed, scores.size])


def _ratio(generated: NDArray[np.float64], real: NDArray[np.float64]) -> float | None:
    mine, theirs = _spread(generated), _spread(real)
    return mine / theirs if mine is not None and theirs is not None and theirs > _NO_SPREAD else None


def _spread(points: NDArray[np.float64]) -> float | None:
    """Root of the summed variance over the columns, of the rows without NaN."""
    points = points[np.isfinite(points).all(axis=1)]
    return float(np.sqrt(points.var(axis=0, ddof=1).sum())) if len(points) > 1 else None
