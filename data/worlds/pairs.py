"""Two objects in one clip: how often one hides the other, and how one is drawn over the other.

The two colours of a clip differ, and the object that the prompt names later lies in front. Every pixel therefore tells
to which object it belongs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import Path

Floats = NDArray[np.float64]

HIDDEN = 0.1
"""An object counts as hidden in a frame if more than this share of its area is covered."""
MOST_HIDDEN_FRAMES = 0.3
"""A clip is drawn again if the object behind is hidden in more than this share of its frames."""
ATTEMPTS = 24
"""The most attempts per clip. If all fail, the attempt with the fewest hidden frames is taken."""
_CLIPS_AT_ONCE = 8  # the frames of so many clips fit into the CPU's cache


def hidden_frames(behind: Path, before: Path) -> NDArray[np.int64]:
    """Count the frames in which the object behind is hidden: int64 (N,), from paths of N clips with T frames each.

    Both objects are taken for discs. The area that two discs share is the sum of two circular segments.
    """
    apart = np.sqrt(((behind.centres - before.centres) ** 2).sum(axis=-1))
    apart = np.maximum(apart, 1e-9)
    r, s = behind.radii, before.radii
    first = np.clip((apart**2 + r**2 - s**2) / (2 * apart * r), -1, 1)  # cosines of half the segments' angles
    second = np.clip((apart**2 + s**2 - r**2) / (2 * apart * s), -1, 1)
    shared = _segment(r, first) + _segment(s, second)
    return np.asarray((shared > HIDDEN * np.pi * r**2).sum(axis=1), dtype=np.int64)


def _segment(radius: Floats, cosine: Floats) -> Floats:
    return np.asarray(radius**2 * (np.arccos(cosine) - cosine * np.sqrt(1 - cosine**2)))


def draw_over(behind: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw the object in `before` over the object in `behind`. All frames are uint8 (N, T, 3, S, S).

    Every colour of the palette has a channel at 0. The darkest channel of a pixel therefore tells how much of the pixel
    is covered.
    """
    together = np.empty_like(behind)
    for first in range(0, len(behind), _CLIPS_AT_ONCE):
        some = slice(first, first + _CLIPS_AT_ONCE)
        back, front, out = behind[some], before[some], together[some]
        np.minimum(back, front, out=out)  # right wherever one of the two is white
        uncovered = np.minimum(np.minimum(front[:, :, 0], front[:, :, 1]), front[:, :, 2])
        other = np.minimum(np.minimum(back[:, :, 0], back[:, :, 1]), back[:, :, 2])
        n, t, y, x = np.nonzero(np.maximum(uncovered, other) < 255)
        light = front[n, t, :, y, x] - uncovered[n, t, y, x, None] / 255.0 * (255.0 - back[n, t, :, y, x])
        out[n, t, :, y, x] = np.rint(light).astype(np.uint8)
    return together
