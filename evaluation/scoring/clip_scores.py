"""Scores of clips against their prompts.

They are exact, because the world's laws are known, and they depend on the pixels only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import permutations
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import MOTIONS
from data.worlds.prompts import CONJUNCTION
from data.worlds.world import WorldConfig
from evaluation.scoring.limits import MAX_BACKGROUND, MAX_EXTRA
from evaluation.scoring.motion_fit import NO_MOTION
from evaluation.scoring.object_scores import ObjectScores, score_object
from evaluation.scoring.observations import Observations, observe

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAULTS: tuple[str, ...] = (
    "motion",
    "shape",
    "turn",
    "size",
    "colour",
    "edge",
    "background",
    "count",
    "permanence",
)
"""What may be wrong with a clip."""


@dataclass(frozen=True)
class ClipScores:
    """Scores of N clips. Every array has N in front.

    If a prompt names two objects, an attribute is right if it is right for both, and lengths are means over both. The
    seen objects are assigned to the prompted ones so that the fewest attributes are wrong. So a green square in place
    of a blue one is a wrong colour. A missing object is a wrong count, and its other attributes are not judged.

    Attributes:
        prompts: the prompts.
        expected: the prompted motion; for two objects as in "up and left".
        predicted: the seen motion, "none" if no motion fits.
        motion_ok: bool, as all `..._ok`: the path and its steps follow the prompted motion.
        shape_ok: the shape is the prompted one, and no other shape that the renderer knows matches better.
        turn_ok: the shape is turned as the law says.
        size_ok: in all frames, the size follows its law.
        colour_ok: in all frames, the inside has the prompted colour.
        edge_ok: the edge is sharp.
        background_ok: in all frames, the background is white.
        count_ok: every prompted object is there, and there is nothing else in any frame.
        permanence_ok: every object is there in all frames in which its path is in the picture.
        joint: bool, all of them are right. This is joint exact, the headline.
        shape_iou: float64, 0 to 1, mean overlap with the ideal prompted shape.
        permanence: float64, 0 to 1, share of the judged frames that show the object. The lower one of two objects.
        count: int64, number of objects seen; everything else in the picture together counts as one.
        rmse: float64 px, distance from the best fit of the prompted motion. Infinite if nothing could be followed.
        cosine: float64, -1 to 1, between the seen steps and the steps of that fit. NaN if the prompted motion stands
            still.
        smoothness: float64 px, mean length of the centroid's second difference. NaN if nothing could be followed.
        extra: float64, number of pixels beside the objects that are not background, in the worst frame.
        background: float64, mean distance of the background from white, 0 to 255, in the worst frame.
        start: float64 (N, 2 K) px, centroid of each of the K objects in the first frame. NaN if it is not seen.
        speed: float64 (N, K), px per frame, of the centroid, or of the radius if the motion is a change of size.
        size: float64 (N, K) px, mean radius of the circle of equal area. NaN if no frame holds a whole blob.
        objects: the scores of each object, in the order in which the prompt names them.
    """

    prompts: tuple[str, ...]
    expected: tuple[str, ...]
    predicted: tuple[str, ...]
    motion_ok: Flags
    shape_ok: Flags
    turn_ok: Flags
    size_ok: Flags
    colour_ok: Flags
    edge_ok: Flags
    background_ok: Flags
    count_ok: Flags
    permanence_ok: Flags
    joint: Flags
    shape_iou: Floats
    permanence: Floats
    count: NDArray[np.int64]
    rmse: Floats
    cosine: Floats
    smoothness: Floats
    extra: Floats
    background: Floats
    start: Floats
    speed: Floats
    size: Floats
    objects: tuple[ObjectScores, ...]

    @property
    def faults(self) -> dict[str, Flags]:
        """What is wrong, bool (N,) for each name in `FAULTS`."""
        return {name: ~getattr(self, f"{name}_ok") for name in FAULTS}


def score_clips(frames: NDArray[np.uint8], prompts: Sequence[str], world: WorldConfig) -> ClipScores:
    """Score clips against their prompts.

    Args:
        frames: uint8 (N, T, S, S, 3), RGB on white.
        prompts: N prompts.
        world: the world whose laws the clips should follow.

    Raises:
        ValueError: frames have another shape or type, the numbers of clips and prompts differ, or a prompt asks for a
            shape that the world does not have.
        PromptError: a prompt cannot be parsed.
    """
    return score_observations(observe(frames, world), prompts, world)


def score_observations(observed: Observations, prompts: Sequence[str], world: WorldConfig) -> ClipScores:
    """Score clips that `observe` has looked at against N prompts. Raises the same errors as `score_clips`."""
    clips = len(observed.ink)
    if clips != len(prompts):
        raise ValueError(f"there are {clips} clips but {len(prompts)} prompts; each clip needs its own prompt")
    known = {prompt: world.scene_of(prompt) for prompt in set(prompts)}
    scenes = [known[prompt] for prompt in prompts]
    found = [
        [score_object(observation, [scene[place] for scene in scenes], world) for observation in observed.objects]
        for place in range(world.objects)
    ]
    chosen = _assignment(found) if world.objects > 1 else np.zeros((clips, 1), np.int64)
    objects = [ObjectScores.chosen(row, number) for row, number in zip(found, chosen.T, strict=True)]
    extra, background = np.zeros(clips), np.zeros(clips)
    for numbers in np.unique(chosen, axis=0):
        rows = np.flatnonzero((chosen == numbers).all(axis=1))
        extra[rows], background[rows] = observed.beside(rows, numbers)
    motions = [[meaning.motion for meaning in scene] for scene in scenes]
    return _clip_scores(prompts, motions, objects, extra, background, scale=world.frame_size / 64)


def _assignment(found: Sequence[Sequence[ObjectScores]]) -> NDArray[np.int64]:
    """The observation to take for each prompted object, int64 (N, K), so that the fewest attributes are wrong.

    `found[k][m]` holds the scores of observation m as object k. A missing object costs more than all wrong attributes.
    Of two assignments with equally many wrong attributes, the one with more right colours is taken.
    """
    costs = np.array(
        [
            [np.where(one.present, 3 - one.motion_ok - 1.0 * one.shape_ok - 1.5 * one.colour_ok, 5.0) for one in row]
            for row in found
        ]
    )
    ways = np.array(list(permutations(range(len(found[0])), len(found))))
    totals = np.array([sum(costs[k, number] for k, number in enumerate(way)) for way in ways])
    return np.asarray(ways[totals.argmin(axis=0)])


def _clip_scores(
    prompts: Sequence[str],
    motions: Sequence[Sequence[str]],
    objects: Sequence[ObjectScores],
    extra: Floats,
    background: Floats,
    *,
    scale: float,
) -> ClipScores:
    """Scores of clips, given the scores of their objects and what `Observations.beside` says."""
    present = np.stack([one.present for one in objects])
    several = len(objects) > 1
    alone = extra <= MAX_EXTRA * scale**2

    def each(right: Callable[[ObjectScores], Flags]) -> Flags:
        """Whether it is right in every object that is present, and at least one object is."""
        if not several:
            return right(objects[0])
        right_or_missing = np.stack([right(one) for one in objects]) | ~present
        return np.asarray(right_or_missing.all(axis=0) & present.any(axis=0))

    def mean(value: Callable[[ObjectScores], Floats], *, without: float) -> Floats:
        """Mean over the objects that are present and have a value; `without` if there is none."""
        if not several:
            return value(objects[0])
        values = np.stack([value(one) for one in objects])
        counted = present & np.isfinite(values)
        total = np.where(counted, values, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
        return np.where(counted.any(axis=0), total, without)

    right = {
        f"{name}_ok": each(attrgetter(f"{name}_ok"))
        for name in ("motion", "shape", "turn", "size", "colour", "edge", "permanence")
    }
    right |= {"background_ok": background <= MAX_BACKGROUND, "count_ok": present.all(axis=0) & alone}
    names = np.array([*MOTIONS, NO_MOTION])
    return ClipScores(
        prompts=tuple(prompts),
        expected=tuple(CONJUNCTION.join(one) for one in motions),
        predicted=tuple(CONJUNCTION.join(one) for one in zip(*(names[one.predicted] for one in objects), strict=True)),
        **right,
        joint=reduce(np.logical_and, right.values()),
        shape_iou=mean(lambda one: one.shape_iou, without=0.0),
        permanence=np.min([np.where(one.present | (not several), one.permanence, 0.0) for one in objects], axis=0),
        count=np.asarray(present.sum(axis=0) + ~alone),
        rmse=mean(lambda one: one.rmse, without=np.inf),
        cosine=mean(lambda one: one.cosine, without=np.nan),
        smoothness=mean(lambda one: one.smoothness, without=np.nan),
        extra=extra,
        background=background,
        start=np.concatenate([one.start for one in objects], axis=1),
        speed=np.stack([one.speed for one in objects], axis=1),
        size=np.stack([one.size for one in objects], axis=1),
        objects=tuple(objects),
    )
