"""Whether a model repeats training clips of any caption: how near its clips are to the nearest training clip.

Clips are compared at about 16 x 16 pixels per frame, some training clips at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.captioned.clips import Frames
from evaluation.captioned.estimates import Bounded, Estimate
from evaluation.captioned.observed import Observed, coarse_copies
from evaluation.scoring.rates import Rate

Floats = NDArray[np.float64]

NEAR = 0.05
"""A clip is near a training clip if it is nearer than this share of the real clips are."""
_AT_ONCE = 512


class CaptionedMemorisation(BaseModel):
    """Distances from the training clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    distance: Bounded = Field(
        description="Mean RMS distance from the nearest training clip, 0 to 255 levels. 0 for copies. `real` has real "
        "clips, which are never compared with themselves. `shuffled` has the distance from a random training clip."
    )
    near: Rate = Field(description="Generated clips nearer to a training clip than 95 % of the real clips are.")


def captioned_memorisation(
    generated: Observed, real: Observed, training: Frames, *, real_rows: NDArray[np.int64] | None
) -> CaptionedMemorisation:
    """Compare generated and real clips with training clips.

    Args:
        generated: N generated clips.
        real: M real clips.
        training: uint8 (K, T, H, W, 3), K >= 2.
        real_rows: int64 (M,), the real clips' own places among the training clips. None if they are not among them.
    """
    own = np.concatenate([np.full(len(generated.captions), -1), _nowhere(real) if real_rows is None else real_rows])
    nearest, some = _distances(np.concatenate([generated.coarse, real.coarse]), training, own=own)
    mine, theirs = np.split(nearest, [len(generated.captions)])
    return CaptionedMemorisation(
        distance=Bounded(
            generated=Estimate.mean_of(mine, generated.captions),
            real=Estimate.mean_of(theirs, real.captions),
            shuffled=Estimate.mean_of(some[: len(mine)], generated.captions),
        ),
        near=Rate.of(mine < np.quantile(theirs, NEAR)),
    )


def _nowhere(clips: Observed) -> NDArray[np.int64]:
    return np.full(len(clips.captions), -1)


def _distances(clips: Frames, training: Frames, *, own: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """RMS distance of each clip (N, T, h, w, 3) from the nearest training clip other than `own`, and from any one."""
    mine = _points(clips)
    squares = (mine**2).sum(axis=1)
    nearest, some = np.full(len(mine), np.inf), np.empty(len(mine))
    any_row = np.random.default_rng(0).integers(len(training), size=len(mine))
    for start in range(0, len(training), _AT_ONCE):
        theirs = _points(coarse_copies(training[start : start + _AT_ONCE]))
        squared = squares[:, None] + (theirs**2).sum(axis=1) - 2 * mine @ theirs.T
        rows, places = _inside(any_row - start, len(theirs))
        some[rows] = _rms(mine[rows], theirs[places])
        squared[_inside(own - start, len(theirs))] = np.inf
        rows = np.flatnonzero(np.isfinite(squared).any(axis=1))
        exact = _rms(mine[rows], theirs[squared[rows].argmin(axis=1)])  # the expanded square loses digits near 0
        nearest[rows] = np.minimum(nearest[rows], exact)
    return nearest, some


def _inside(places: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows whose places lie in a part of `count` clips, and these places."""
    rows = np.flatnonzero((places >= 0) & (places < count))
    return rows, places[rows]


def _rms(a: NDArray[np.float32], b: NDArray[np.float32]) -> Floats:
    return np.asarray(np.sqrt(((a - b) ** 2).mean(axis=1)), dtype=np.float64)


def _points(clips: Frames) -> NDArray[np.float32]:
    """Pixels as float32 (N, D) around 0, so that their squares lose little."""
    return clips.reshape(len(clips), -1).astype(np.float32) - 127.5
