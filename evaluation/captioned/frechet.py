"""In-domain Fréchet distance in the features of the matcher's video tower (Heusel et al., NeurIPS 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.scoring.frechet import frechet_distance

Floats = NDArray[np.float64]

FEWEST = 16
_HALVES = 100
_Z_95 = 1.96


class Distance(BaseModel):
    """A Fréchet distance with its 95 % interval.

    The distance depends on the number of clips, and repeated clips raise it. So the interval comes from halves of the
    clips without repetition (delete-half jackknife, Shao and Wu, Annals of Statistics 17, 1989), not from a bootstrap.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0)
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


class CaptionedFrechet(BaseModel):
    """Fréchet distances to one set of real clips. Lower is better. Compare them within one data set only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: Distance = Field(description="Distance of the generated clips.")
    floor: Distance = Field(description="Distance of other real clips. A perfect model would reach it.")
    shuffled_frames: Distance = Field(description="Distance of the generated clips with their frames in random order.")
    n: int = Field(ge=FEWEST, description="Number of clips on each side.")


def captioned_frechet(generated: Floats, shuffled_frames: Floats, real: Floats) -> CaptionedFrechet | None:
    """Compare features of clips.

    Args:
        generated: float64 (N, K), features of the generated clips.
        shuffled_frames: float64 (N, K), features of the same clips with their frames in random order.
        real: float64 (M, K). One half is the reference, the other half gives the floor.

    Returns:
        None if fewer than 16 clips on each side are left.
    """
    n = min(len(generated), len(real) // 2)
    if n < FEWEST:
        return None
    reference = real[:n]
    sides = {"generated": generated[:n], "floor": real[-n:], "shuffled_frames": shuffled_frames[:n]}
    return CaptionedFrechet(**{side: _distance(features, reference) for side, features in sides.items()}, n=n)


def _distance(features: Floats, reference: Floats) -> Distance:
    generator, half = np.random.default_rng(0), len(reference) // 2
    halves = []
    for _ in range(_HALVES):
        mine, theirs = (part[generator.permutation(len(part))[:half]] for part in (features, reference))
        halves.append(frechet_distance(mine, theirs))
    value, reach = frechet_distance(features, reference), _Z_95 * float(np.std(halves, ddof=1))
    return Distance(value=value, low=max(value - reach, 0.0), high=value + reach)
