"""Consistency over time: do frames change as much, and as smoothly, as those of real clips?

Clips are compared at about 16 x 16 pixels. There, an object that moves smoothly changes each pixel by nearly the same
amount in consecutive steps, so the second differences are small. Jitter, flicker and jumps make them large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.captioned.estimates import Bounded, Estimate
from evaluation.captioned.observed import Observed
from evaluation.scoring.frechet import shuffle_frames

Floats = NDArray[np.float64]


class Consistency(BaseModel):
    """How the frames of clips follow one another. Right is the value of real clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: Bounded = Field(
        description="Mean difference of consecutive frames, 0 to 255 levels. 0 for frozen clips. `shuffled` has the "
        "frames of the model's samples in random order."
    )
    roughness: Bounded = Field(
        description="Mean second difference / mean difference of frames. 0 for steady change, 1.7 for noise, 2 if "
        "every second frame is the same. None if nothing changes. `shuffled` is as above."
    )


def consistency(generated: Observed, real: Observed, *, seed: int) -> Consistency:
    """Compare generated clips with real clips."""
    sides = {
        "generated": (generated.coarse, generated.captions),
        "real": (real.coarse, real.captions),
        "shuffled": (shuffle_frames(generated.coarse, seed=seed), generated.captions),
    }
    change, roughness = {}, {}
    for side, (frames, captions) in sides.items():
        first, second = _differences(frames)
        change[side] = Estimate.mean_of(first, captions)
        roughness[side] = Estimate.ratio_of(second, first, captions)
    return Consistency(change=Bounded(**change), roughness=Bounded(**roughness))


def _differences(frames: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Mean absolute first and second differences over time of clips (N, T, h, w, 3), float64 (N,) each."""
    steps = np.diff(frames.astype(np.int16), axis=1)
    means = [np.abs(part).mean(axis=(1, 2, 3, 4), dtype=np.float64) for part in (steps, np.diff(steps, axis=1))]
    return means[0], means[1]
