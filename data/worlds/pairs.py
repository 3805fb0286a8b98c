"""Two objects in one clip: how they lie over one another, and the sentences that say the same words of other objects.

The colours of a clip differ, and the object that is named later lies in front. So it can be told from the pixels what
belongs to which object, and what of the one behind is hidden.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import Path
from data.worlds.prompts import AND, parse_prompt

Floats = NDArray[np.float64]

HIDDEN = 0.1
"""An object of whose area more than this share is covered counts as hidden in that frame."""
MOST_HIDDEN_FRAMES = 0.3
"""Clips are drawn anew where the object behind is hidden in more than this share of the frames."""
ATTEMPTS = 24
"""How often; where none of them holds, the clip is the one with the fewest hidden frames."""
CONJUNCTION = f" {AND} "
_CLIPS_AT_ONCE = 8  # their frames stay in the CPU's cache


def hidden_frames(behind: Path, before: Path) -> NDArray[np.int64]:
    """In how many frames the object behind is hidden, int64 (N,), from paths of N clips of T frames each.

    Both are taken for discs of their radius: the area that two circles share is the sum of two circular segments.
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
    """Frames in which the object of `before` lies over that of `behind`; all are uint8 (N, T, 3, S, S).

    Every colour of the palette has a channel at 0, so the darkest channel of a pixel tells how much of it is covered.
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


def swapped_prompts(prompt: str) -> tuple[str, ...]:
    """The sentences that swap colours, shapes or motions of the two objects, and so mean something else.

    The words are the same: who only counts words cannot tell them apart. None for prompts of one object.
    """
    parts = [part.split(" ", 2) for part in " ".join(prompt.lower().split()).split(CONJUNCTION)]
    if len(parts) != 2 or any(len(part) != 3 for part in parts):
        return ()
    meant = frozenset(parse_prompt(prompt))
    found: dict[frozenset[object], str] = {}
    for swapped in range(3):
        first, second = ([*part] for part in parts)
        first[swapped], second[swapped] = second[swapped], first[swapped]
        sentence = CONJUNCTION.join((" ".join(first), " ".join(second)))
        found.setdefault(frozenset(parse_prompt(sentence)), sentence)
    return tuple(sentence for meaning, sentence in found.items() if meaning != meant)
