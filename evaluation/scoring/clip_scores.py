"""Scores of clips against their prompts: exact, because the world's laws are known; fair, because only pixels count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import MOTIONS
from data.worlds.prompts import CONJUNCTION
from data.worlds.world import WorldConfig
from evaluation.scoring.motion_fit import NO_MOTION
from evaluation.scoring.object_scores import MIN_SHARE_OF_FRAMES, ObjectScores, score_object
from evaluation.scoring.observations import Observation, observe

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAULTS: tuple[str, ...] = ("motion", "shape", "colour", "count", "permanence")
"""What may be wrong with a clip."""


@dataclass(frozen=True)
class ClipScores:
    """Scores of N clips; every array has N in front.

    Of two objects each has to be right; lengths are means over both. What is seen is taken for the prompted objects in
    the way that leaves the fewest attributes wrong, so that a green square in place of a blue one is a wrong colour.
    An object that is missing is a wrong count, and nothing else is said of it.

    Attributes:
        prompts, expected, predicted: what was asked, the motion meant, the motion seen ("none" where no family fits);
            of two objects "up and left".
        motion_ok, shape_ok, permanence_ok, colour_ok, count_ok: bool; ``joint`` is their conjunction, the headline.
        shape_iou: float64, 0 to 1, with the ideal prompted shape.
        permanence: float64, 0 to 1, share of the frames that hold exactly one blob of the right size; of two objects
            that of the worse one.
        count: int64, objects seen; something that is in the picture for some frames only counts, too.
        rmse: float64 px against the best fit of the prompted motion; infinite where nothing could be followed.
        cosine: float64, -1 to 1, of seen steps and the steps of that fit; NaN where the motion stands still.
        smoothness: float64, px, mean length of the centroid's second difference; NaN where nothing could be followed.
        start: float64 (N, 2 K) px, centroid in the first frame of each of the K objects; NaN where it is not seen.
        speed: float64 (N, K), px per frame, of the centroid (of the radius where the motion is a change of size).
        size: float64 (N, K) px, mean radius of the circle of equal area; NaN where no frame holds a whole blob.
        objects: the scores of each object, in the order in which the prompt names them.
    """

    prompts: tuple[str, ...]
    expected: tuple[str, ...]
    predicted: tuple[str, ...]
    motion_ok: Flags
    shape_ok: Flags
    permanence_ok: Flags
    colour_ok: Flags
    count_ok: Flags
    joint: Flags
    shape_iou: Floats
    permanence: Floats
    count: NDArray[np.int64]
    rmse: Floats
    cosine: Floats
    smoothness: Floats
    start: Floats
    speed: Floats
    size: Floats
    objects: tuple[ObjectScores, ...]

    @property
    def faults(self) -> dict[str, Flags]:
        """bool (N,) per name in `FAULTS`: what is wrong. One object too many breaks permanence, too: named is count."""
        return {
            "motion": ~self.motion_ok,
            "shape": ~self.shape_ok,
            "colour": ~self.colour_ok,
            "count": ~self.count_ok,
            "permanence": ~self.permanence_ok & self.count_ok,
        }


def score_clips(frames: NDArray[np.uint8], prompts: Sequence[str], world: WorldConfig) -> ClipScores:
    """Score clips against what their prompts ask for.

    Args:
        frames: uint8 (N, T, S, S, 3), RGB on white.
        prompts: N prompts.
        world: whose laws the clips should follow.

    Raises:
        ValueError: if the frames have another shape or type, or their number is not that of the prompts.
        PromptError: if a prompt cannot be parsed.
    """
    return score_observations(observe(frames, world), prompts, world)


def score_observations(seen: Sequence[Observation], prompts: Sequence[str], world: WorldConfig) -> ClipScores:
    """Score observed clips against N prompts; raises as `score_clips` does."""
    clips = len(seen[0].present)
    if clips != len(prompts):
        raise ValueError(f"there are {clips} clips but {len(prompts)} prompts; each clip needs its own")
    known = {prompt: world.scene_of(prompt) for prompt in set(prompts)}
    scenes = [known[prompt] for prompt in prompts]
    found = [
        [score_object(layer, [scene[place] for scene in scenes], world) for layer in seen]
        for place in range(world.objects)
    ]
    if world.objects == 1:
        objects, stray = found[0], np.zeros(clips)
    else:
        which = _likeliest(found)
        objects = [ObjectScores.chosen(row, number) for row, number in zip(found, which.T, strict=True)]
        unused = np.stack([(which != k).all(axis=1) for k in range(len(seen))])
        stray = (unused * np.stack([layer.seen for layer in seen])).max(axis=0)
    return _together(prompts, [[meaning.motion for meaning in scene] for scene in scenes], objects, stray)


def _likeliest(found: Sequence[Sequence[ObjectScores]]) -> NDArray[np.int64]:
    """Which layer to take for which object, int64 (N, K): the way with the fewest wrong attributes.

    `found[k][l]` are the scores of layer l as object k. An object that is not there weighs more than all attributes;
    of two ways that are equally wrong the one with more right colours is taken.
    """
    weights = np.array(
        [
            [np.where(one.present, 3 - one.motion_ok - 1.0 * one.shape_ok - 1.5 * one.colour_ok, 5.0) for one in row]
            for row in found
        ]
    )
    ways = np.array(list(permutations(range(len(found[0])), len(found))))
    costs = np.array([sum(weights[k, layer] for k, layer in enumerate(way)) for way in ways])
    return np.asarray(ways[costs.argmin(axis=0)])


def _together(
    prompts: Sequence[str], motions: Sequence[Sequence[str]], objects: Sequence[ObjectScores], stray: Floats
) -> ClipScores:
    """Scores of clips from those of their objects and the share of frames (N,) in which something else is seen."""
    rarely = 1 - MIN_SHARE_OF_FRAMES + 1e-9
    present = np.stack([one.present for one in objects])
    crowded = np.stack([one.crowded for one in objects]) > rarely
    several = len(objects) > 1

    def each(right: Callable[[ObjectScores], Flags]) -> Flags:
        """Right in every object that is there, and one is."""
        if not several:
            return right(objects[0])
        right_or_missing = np.stack([right(one) for one in objects]) | ~present
        return np.asarray(right_or_missing.all(axis=0) & present.any(axis=0))

    def mean(value: Callable[[ObjectScores], Floats], *, without: float) -> Floats:
        """Over the objects that are there and have a value."""
        if not several:
            return value(objects[0])
        values = np.stack([value(one) for one in objects])
        counted = present & np.isfinite(values)
        total = np.where(counted, values, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
        return np.where(counted.any(axis=0), total, without)

    right = {
        "motion_ok": each(lambda one: one.motion_ok),
        "shape_ok": each(lambda one: one.shape_ok),
        "permanence_ok": each(lambda one: one.permanence_ok),
        "colour_ok": each(lambda one: one.colour_ok),
        "count_ok": present.all(axis=0) & ~crowded.any(axis=0) & (stray <= rarely),
    }
    names = np.array([*MOTIONS, NO_MOTION])
    return ClipScores(
        prompts=tuple(prompts),
        expected=tuple(CONJUNCTION.join(one) for one in motions),
        predicted=tuple(CONJUNCTION.join(one) for one in zip(*(names[one.predicted] for one in objects), strict=True)),
        **right,
        joint=reduce(np.logical_and, right.values()),
        shape_iou=mean(lambda one: one.shape_iou, without=0.0),
        permanence=np.min([np.where(one.present | (not several), one.permanence, 0.0) for one in objects], axis=0),
        count=np.asarray((present.astype(np.int64) + crowded).sum(axis=0) + (stray > rarely)),
        rmse=mean(lambda one: one.rmse, without=np.inf),
        cosine=mean(lambda one: one.cosine, without=np.nan),
        smoothness=mean(lambda one: one.smoothness, without=np.nan),
        start=np.concatenate([one.start for one in objects], axis=1),
        speed=np.stack([one.speed for one in objects], axis=1),
        size=np.stack([one.size for one in objects], axis=1),
        objects=tuple(objects),
    )
