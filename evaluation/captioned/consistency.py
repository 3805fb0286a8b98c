"""Consistency over time: do frames change as much, and as smoothly, as those of real clips?

Clips are compared at about 16 x 16 pixels. For the roughness they are blurred by an eighth of the picture's side as
well. Then an object that moves smoothly changes each pixel by nearly the same amount in consecutive steps, so the
second differences are small. Jitter, flicker and jumps make them large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import gaussian_filter

from evaluation.captioned.estimates import Bounded, Estimate
from evaluation.captioned.observed import Observed
from evaluation.scoring.frechet import shuffle_frames

Floats = NDArray[np.float64]

_BLUR = 2.0  # pixels of the small copies


class Consistency(BaseModel):
    """How the frames of clips follow one another. Right is the value of real clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: Bounded = Field(
        description="Mean difference of consecutive frames, 0 to 255 levels. 0 for frozen clips. `shuffled` has the "
        "frames of the model's samples in random order."
    )
    roughness: Bounded = Field(
        description="Mean second difference / mean difference of blurred frames. 0 for steady change, 1.7 for "
        "independent frames, 2 if every second frame is the same. None if nothing changes. `shuffled` is as above."
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
        steps = np.diff(frames.astype(np.float32), axis=1)
        smooth = gaussian_filter(steps, (0, 0, _BLUR, _BLUR, 0))
        change[side] = Estimate.mean_of(_size(steps), captions)
        roughness[side] = Estimate.ratio_of(_size(np.diff(smooth, axis=1)), _size(smooth), captions)
    return Consistency(change=Bounded(**change), roughness=Bounded(**roughness))


def _size(differences: NDArray[np.float32]) -> Floats:
    """Mean absolute difference per clip, float64 (N,)."""
    return np.asarray(np.abs(differences).mean(axis=(1, 2, 3, 4), dtype=np.float64))
