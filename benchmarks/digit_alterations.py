"""Clips of digits that are wrong in one known way. `benchmarks.alterations` does the same for shapes.

Real clips are altered as pictures. `python -m benchmarks.metric_limits` shows how many of these clips the metric
refuses, and the tests demand at least 99 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data.worlds.clips import make_clips_for
from data.worlds.digits import DIGITS
from data.worlds.motions import DIRECTIONS, MOTIONS, SIZES
from data.worlds.world import WorldConfig

Frames = NDArray[np.uint8]
Change = Callable[[Frames, Frames, np.random.Generator], Frames]
"""(frames, frames of other digits on the same paths, random numbers) -> altered frames, each uint8 (N, T, S, S, 3)."""


@dataclass(frozen=True)
class DigitAlteration:
    """One way to be wrong.

    Attributes:
        change: alters the frames.
        fails: the attributes of which at least one must fail.
        motions: the motions whose clips it makes wrong.
    """

    change: Change
    fails: frozenset[str]
    motions: tuple[str, ...] = MOTIONS

    def clips(self, world: WorldConfig, prompts: Sequence[str], *, seed: int) -> Frames:
        """Altered clips of the prompts."""
        rng = np.random.default_rng(seed)
        others = [_other(prompt, rng) for prompt in prompts]
        frames, instead = (make_clips_for(world, prompts=some, seed=seed).frames for some in (prompts, others))
        return self.change(frames.copy(), instead, rng)


def _other(prompt: str, rng: np.random.Generator) -> str:
    """The prompt with another digit. Its clip has the same factors, so another digit moves on the same path."""
    digit, phrase = prompt.split(" ", 1)
    return f"{rng.choice([name for name in DIGITS if name != digit])} {phrase}"


def _turning(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    frames[:, frames.shape[1] // 2 :] = others[:, frames.shape[1] // 2 :]
    return frames


def _moved(frames: Frames, offsets: NDArray[np.int64]) -> Frames:
    """Each frame moved by offsets (N, T, 2) in px, down and right."""
    for n, t in np.ndindex(*frames.shape[:2]):
        frames[n, t] = np.roll(frames[n, t], offsets[n, t], axis=(0, 1))
    return frames


def _jittered(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    return _moved(frames, rng.choice([-2, 2], size=(*frames.shape[:2], 2)))


def _teleported(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    offsets = np.zeros((*frames.shape[:2], 2), np.int64)
    offsets[:, frames.shape[1] // 2 :] = 6
    return _moved(frames, offsets)


def _beside(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    """A second digit on the path that is shifted by half a picture both ways."""
    half = frames.shape[2] // 2
    return np.maximum(frames, np.roll(others, (half, half), axis=(2, 3)))


def _blurred(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    return np.stack([[cv2.GaussianBlur(frame, (0, 0), 2.0) for frame in clip] for clip in frames])


def _without_a_frame(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    frames[np.arange(len(frames)), rng.integers(1, frames.shape[1] - 1, len(frames))] = 0
    return frames


def _dirty(frames: Frames, others: Frames, rng: np.random.Generator) -> Frames:
    frames[rng.random(frames.shape[:-1]) < 0.01] = 200
    return frames


def _of(change: Change, *fails: str, motions: Sequence[str] = MOTIONS) -> DigitAlteration:
    return DigitAlteration(change, frozenset(fails), tuple(motions))


DIGIT_ALTERATIONS: dict[str, DigitAlteration] = {
    "another digit": _of(lambda one, other, _: other, "shape"),
    "turns into another digit halfway": _of(_turning, "shape"),
    "a second digit": _of(_beside, "count", "motion"),
    "frozen": _of(lambda one, *_: np.repeat(one[:, 4:5], one.shape[1], axis=1), "motion"),
    "reversed": _of(lambda one, *_: one[:, ::-1], "motion", motions=(*DIRECTIONS, *SIZES)),
    "frames in random order": _of(lambda one, *_: one[:, [5, 0, 8, 2, 9, 4, 1, 7, 3, 6]], "motion"),
    "2 px of jitter per axis and frame": _of(_jittered, "motion"),
    "teleport by 6 px per axis": _of(_teleported, "motion"),
    "one frame of ten is blank": _of(_without_a_frame, "permanence"),
    "blurred over 2 px": _of(_blurred, "edge", "size", "permanence", "colour"),
    "red": _of(lambda one, *_: one * np.array([1, 0, 0], np.uint8), "colour"),
    "grey": _of(lambda one, *_: (one * 0.7).astype(np.uint8), "colour"),
    "black on white": _of(lambda one, *_: 255 - one, "background", "count", "shape"),
    "grey background of 12 levels": _of(lambda one, *_: np.maximum(one, 12), "background"),
    "dirt on 1 % of the pixels": _of(_dirty, "count"),
}
