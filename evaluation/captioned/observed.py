"""What the metrics keep of each clip, so that full frames need not stay in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from evaluation.captioned.clips import Frames, small_copies
from evaluation.captioned.matcher import Matcher

Floats = NDArray[np.float64]

COARSE_SIDE = 16


@dataclass(frozen=True)
class Observed:
    """N clips with their captions.

    captions: N strings.
    features: float64 (N, FEATURES), the matcher's features.
    vectors: float64 (N, EMBEDDING), the matcher's unit vectors.
    coarse: uint8 (N, T, h, w, 3), all frames with about 16 x 16 pixels.
    """

    captions: list[str]
    features: Floats
    vectors: Floats
    coarse: Frames

    @classmethod
    def of(cls, frames: Frames, captions: Sequence[str], matcher: Matcher) -> Observed:
        """Observe clips uint8 (N, T, H, W, 3)."""
        features, vectors = matcher.read_clips(frames)
        return cls(list(captions), features, vectors, coarse_copies(frames))

    @classmethod
    def joined(cls, parts: Sequence[Observed]) -> Observed:
        """The clips of all parts."""
        arrays = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)[1:]}
        return cls(captions=[caption for part in parts for caption in part.captions], **arrays)


def coarse_copies(frames: Frames) -> Frames:
    """All frames of clips uint8 (N, T, H, W, 3) with about 16 x 16 pixels, uint8 (N, T, h, w, 3)."""
    return small_copies(frames, side=COARSE_SIDE)
