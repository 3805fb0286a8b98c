"""Whether a model repeats its training clips: how near its clips are to the nearest training clip.

Fresh real clips of the same prompt have never been seen in training, so their distances show what is usual. A copied
clip has the distance 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.scoring.tracker import ink_of

Frames = NDArray[np.uint8]


class Memorisation(BaseModel):
    """Distances to the nearest training clip of the same prompt: RMS over all pixels of the ink, 0 to 255 levels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: float = Field(ge=0, description="Median over the generated clips.")
    real: float = Field(ge=0, description="Median over real clips that no training has seen.")

    @property
    def ratio(self) -> float | None:
        """Generated / real: 1 is as far from the training clips as real clips are, 0 is a copy. None if `real` is 0."""
        return self.generated / self.real if self.real else None

    @classmethod
    def mean_of(cls, several: list[Memorisation]) -> Memorisation | None:
        """The mean over prompts, or None if there are none."""
        if not several:
            return None
        return cls(
            generated=float(np.mean([one.generated for one in several])),
            real=float(np.mean([one.real for one in several])),
        )


def memorisation(generated: Frames, real: Frames, training: Frames) -> Memorisation:
    """Compare clips of one prompt with its training clips.

    Args:
        generated: uint8 (N, T, S, S, 3).
        real: uint8 (M, T, S, S, 3), real clips that are not in the training.
        training: uint8 (K, T, S, S, 3), K >= 1.
    """
    return Memorisation(
        generated=float(np.median(nearest(generated, training))), real=float(np.median(nearest(real, training)))
    )


def nearest(clips: Frames, others: Frames) -> NDArray[np.float64]:
    """RMS distance of each clip from the nearest of the other clips, in levels of ink, float64 (N,)."""
    mine, theirs = (ink_of(part).reshape(len(part), -1).astype(np.float32) for part in (clips, others))
    squared = (mine**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * mine @ theirs.T
    return np.asarray(np.sqrt(np.maximum(squared.min(axis=1), 0) / mine.shape[1]), dtype=np.float64)
