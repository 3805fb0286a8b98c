"""Many frames in little memory: rows of one level and repeated colour planes are not stored."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from data.clip_format import ClipFormat

LEVELS = 256
_WORD = np.uint64(0x0101010101010101)  # times a level: eight pixels of it


@dataclass(frozen=True)
class InkedRows:
    """The frames of a data set. Each colour plane is stored from its first to its last row with ink.

    Ink is all that differs from the level of the plane's first pixel. So it does not matter which background the clips
    have. Equal planes of a frame share their rows. Blue circles on white thus need a fifteenth of their pixels: red and
    green are equal, blue is all white, and a circle covers few rows. A data set is also read sooner this way, because
    memory that is used for the first time costs more than decoding.

    rows: torch.uint8 (R, W). If any plane is stored in part, the first 256 rows are the rows without ink of each level.
    starts, tops, heights, levels: torch.int64, int16, int16, uint8 (N, T, 3), for the planes R, G, B of each frame: the
    position of the first stored row in `rows`, its row in the picture, the number of stored rows, and the level of the
    others.
    height: height H of a frame in px.
    """

    rows: torch.Tensor
    starts: torch.Tensor
    tops: torch.Tensor
    heights: torch.Tensor
    levels: torch.Tensor
    height: int

    @classmethod
    def empty(cls, format: ClipFormat, *, clips: int) -> InkedRows:
        """Make room for so many clips. Room that is never written to takes address space, but no memory."""
        rows = torch.empty((LEVELS + clips * format.frames * 3 * format.height, format.width), dtype=torch.uint8)
        whole = cls.whole(rows, format, clips=clips)
        whole.rows[:LEVELS] = torch.arange(LEVELS, dtype=torch.uint8).unsqueeze(1)
        whole.starts.add_(LEVELS)
        return whole

    @classmethod
    def whole(cls, rows: torch.Tensor, format: ClipFormat, *, clips: int) -> InkedRows:
        """Use rows that hold every plane, clip by clip: uint8 (N * T * 3 * H, W)."""
        planes, height = (clips, format.frames, 3), format.height
        return cls(
            rows=rows,
            starts=torch.arange(0, math.prod(planes) * height, height).view(planes),
            tops=torch.zeros(planes, dtype=torch.int16),
            heights=torch.full(planes, height, dtype=torch.int16),
            levels=torch.zeros(planes, dtype=torch.uint8),
            height=height,
        )

    def frames(self, clips: torch.Tensor) -> torch.Tensor:
        """Return the frames of `clips`, int64 (n,): uint8 (n, T, 3, H, W), channels R, G, B."""
        below = torch.arange(self.height) - self.tops[clips].unsqueeze(-1)  # (n, T, 3, H), rows below the top
        stored = (below >= 0) & (below < self.heights[clips].unsqueeze(-1))
        places = torch.where(stored, self.starts[clips].unsqueeze(-1) + below, self.levels[clips].unsqueeze(-1))
        return self.rows.index_select(0, places.flatten()).view(*places.shape, self.rows.shape[1])


class InkWriter:
    """Writes consecutive clips into `InkedRows.empty`. Writers of different clips can work at the same time."""

    def __init__(self, ink: InkedRows, *, first: int, clips: int) -> None:
        """Write the clips `first` to `first + clips - 1`."""
        span = slice(first, first + clips)
        self._rows = ink.rows.numpy()
        self._starts, self._tops, self._heights, self._levels = (
            values[span].numpy().reshape(-1, 3) for values in (ink.starts, ink.tops, ink.heights, ink.levels)
        )
        self._frame, self._next = 0, int(self._starts[0, 0])

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Write the next clips: uint8 (n, T, 3, H, W), C-contiguous. W is a multiple of 8."""
        height, width = frames.shape[-2:]
        planes = frames.reshape(-1, 3, height * width)
        span = slice(self._frame, self._frame + len(planes))
        starts, tops, heights = self._starts[span], self._tops[span], self._heights[span]
        levels = self._levels[span] = planes[:, :, 0]
        inked = planes.view(np.uint64) != (levels * _WORD)[..., None]
        fresh = inked.any(axis=-1)
        heights[~fresh] = 0
        twins = []
        for one, other in ((0, 1), (0, 2), (1, 2)):
            same = fresh[:, one] & fresh[:, other]
            if same.any():
                same &= (planes[:, one] == planes[:, other]).all(axis=-1)
                fresh[same, other] = False
                twins.append((same, one, other))
        kept = planes.reshape(-1, height * width).take(np.flatnonzero(fresh), axis=0)
        inked = inked[fresh]
        words = inked.shape[1]
        top = inked.argmax(axis=-1) * 8 // width
        bottom = ((words - inked[:, ::-1].argmax(axis=-1)) * 8 - 1) // width + 1  # one after the last row
        row = np.arange(height)
        places = np.flatnonzero((row >= top[:, None]) & (row < bottom[:, None]))
        ends = self._next + np.cumsum(bottom - top)
        starts[fresh], tops[fresh], heights[fresh] = ends - (bottom - top), top, bottom - top
        for same, one, other in twins:
            for values in (starts, tops, heights):
                values[same, other] = values[same, one]
        end = self._next + len(places)
        kept.reshape(-1, width).take(places, axis=0, out=self._rows[self._next : end], mode="clip")
        self._frame, self._next = span.stop, end
