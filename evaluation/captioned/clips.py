"""Real clips with their captions, and small copies of clips for metrics that do not need every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

_CELL = 8

FEWEST_CLIPS, FEWEST_CAPTIONS = 8, 2
"""A matcher needs at least this many training clips and captions."""


@dataclass(frozen=True)
class CaptionedClips:
    """Real clips, each with one or several captions.

    frames: uint8 (N, T, H, W, 3), RGB, T >= 3, H and W >= 8. It may be a memory-mapped array: it is read in parts.
    captions: N tuples of at least one caption each, in any language. Several clips may have the same caption.

    Raises:
        ValueError: there are no clips, they have fewer than 3 frames, a shape or length is wrong, or a clip has no
            caption.
    """

    frames: Frames
    captions: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if len(shape) != 5 or shape[-1] != 3 or self.frames.dtype != np.uint8 or not len(self.frames):
            raise ValueError(f"clips must be uint8 (N, T, H, W, 3) with N >= 1, not {self.frames.dtype} {shape}")
        if shape[1] < 3:
            raise ValueError(f"clips need at least 3 frames, not {shape[1]}")
        if len(self.captions) != len(self.frames):
            raise ValueError(f"{len(self.frames)} clips, but captions for {len(self.captions)}")
        for number, names in enumerate(self.captions):
            if not names:
                raise ValueError(f"clip {number} has no caption")

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of(cls, frames: Frames, captions: Sequence[str]) -> CaptionedClips:
        """Clips uint8 (N, T, H, W, 3) with one caption each."""
        return cls(frames, tuple((caption,) for caption in captions))

    def rows(self, chosen: NDArray[np.int64]) -> CaptionedClips:
        """Some of the clips."""
        return CaptionedClips(self.frames[chosen], tuple(self.captions[row] for row in chosen))

    @property
    def distinct(self) -> tuple[str, ...]:
        """All different captions, in the order in which they appear first."""
        return tuple(dict.fromkeys(caption for names in self.captions for caption in names))


def small_copies(frames: Frames, *, side: int, most_frames: int | None = None) -> Frames:
    """Small copies of clips.

    Args:
        frames: uint8 (N, T, H, W, 3).
        side: side in px of a square with as many pixels as a small frame has, roughly.
        most_frames: keep at most so many frames, evenly spread over the clip. None keeps all.

    Returns:
        uint8 (N, t, h, w, 3). Sides h and w are multiples of 8. They keep the proportions roughly, and are never larger
        than H and W.
    """
    clips, number, height, width = frames.shape[:4]
    chosen = np.linspace(0, number - 1, min(number, most_frames or number)).round().astype(int)
    h, w = (_small_side(length, side * sqrt(length / other)) for length, other in ((height, width), (width, height)))
    small = np.empty((clips, len(chosen), h, w, 3), np.uint8)
    for clip, target in zip(frames, small, strict=True):
        for t, place in zip(chosen, target, strict=True):
            cv2.resize(np.ascontiguousarray(clip[t]), (w, h), dst=place, interpolation=cv2.INTER_AREA)
    return small


def _small_side(length: int, wanted: float) -> int:
    return max(min(round(wanted / _CELL), length // _CELL), 1) * _CELL
