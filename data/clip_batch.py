"""Clips in memory, with everything that is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

SplitName = Literal["train", "validation", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)
"""What clips are for: learning, choosing between recipes and versions, and measuring."""


class Origin(NamedTuple):
    """Where a clip was imported from."""

    file: str
    """Path of the file, relative to the folder that was imported, with forward slashes."""
    start: float
    """Where the clip begins in the file's video, in seconds."""


@dataclass(frozen=True)
class ObjectBatch:
    """One object of each of N clips.

    motions, shapes, colours: N strings each.
    factors: float32 (N,) for each name in `FACTORS`, in px, px per frame or radians; NaN if the motion does not use it.
    centres: float32 (N, T, 2), (x, y) in px.
    radii: float32 (N, T), px.
    angles: float32 (N, T), radians.
    """

    motions: tuple[str, ...]
    shapes: tuple[str, ...]
    colours: tuple[str, ...]
    factors: dict[str, NDArray[np.float32]]
    centres: NDArray[np.float32]
    radii: NDArray[np.float32]
    angles: NDArray[np.float32]

    def rows(self, chosen: slice) -> ObjectBatch:
        """Return the objects of some of the clips."""
        return ObjectBatch(
            motions=self.motions[chosen],
            shapes=self.shapes[chosen],
            colours=self.colours[chosen],
            factors={name: values[chosen] for name, values in self.factors.items()},
            centres=self.centres[chosen],
            radii=self.radii[chosen],
            angles=self.angles[chosen],
        )


@dataclass(frozen=True)
class ClipBatch:
    """Some clips with everything that is known about them.

    indices: int64 (N,).
    frames: uint8 (N, T, H, W, 3), RGB.
    captions: one or more strings for each of the N clips. The first one is the clip's prompt.
    splits: what each of the N clips is for.
    objects: the one or two objects of each clip of a synthetic world, in the order in which the prompts name them. A
    later object lies in front. Empty for other clips.
    origins: where each clip was imported from. Empty for other clips.
    """

    indices: NDArray[np.int64]
    frames: NDArray[np.uint8]
    captions: tuple[tuple[str, ...], ...]
    splits: tuple[SplitName, ...]
    objects: tuple[ObjectBatch, ...] = ()
    origins: tuple[Origin, ...] = ()

    @property
    def prompts(self) -> tuple[str, ...]:
        """The first caption of each clip, N strings."""
        return tuple(captions[0] for captions in self.captions)
