"""Scores of clips against their prompts: exact, because the world's laws are known; fair, because only pixels count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.motions import MOTIONS, SIZES
from data.prompts import Meaning
from data.shapes import COLOURS
from data.world import WorldConfig
from evaluation.motion_fit import MotionFit, MotionFits, fit_motions, inside_picture, visible_part
from evaluation.shape_match import shape_iou
from evaluation.tracker import Tracks, track
from evaluation.tutorial_fit import fit_tutorial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_SHAPE_IOU = 0.6
"""From this overlap on, a blob has the prompted shape."""
MIN_SHARE_OF_FRAMES = 0.9
"""A clip passes permanence, and colour, when this share of its frames does."""
AREA_LIMITS = (0.5, 1.5)
"""A blob of less or more than these multiples of the expected area is not the shape."""


@dataclass(frozen=True)
class ClipScores:
    """Scores of N clips; every array has N in front.

    Attributes:
        prompts, expected, predicted: what was asked, the motion meant, the motion seen ("none" where no family fits).
        motion_ok, shape_ok, permanence_ok, colour_ok: bool; ``joint`` is their conjunction, the headline.
        shape_iou: float64, 0 to 1, with the ideal prompted shape.
        permanence: float64, 0 to 1, share of the frames that hold exactly one blob of the right size.
        rmse: float64 px against the best fit of the prompted motion; infinite where nothing could be followed.
        cosine: float64, -1 to 1, of seen steps and the steps of that fit; NaN where the motion stands still.
        smoothness: float64, px, mean length of the centroid's second difference; NaN where nothing could be followed.
        start: float64 (N, 2) px, centroid in the first frame; NaN where it is empty.
        speed: float64, px per frame, of the centroid (of the radius where the motion is a change of size).
        size: float64 px, mean radius of the circle of equal area; NaN where no frame holds a whole blob.
    """

    prompts: tuple[str, ...]
    expected: tuple[str, ...]
    predicted: tuple[str, ...]
    motion_ok: Flags
    shape_ok: Flags
    permanence_ok: Flags
    colour_ok: Flags
    joint: Flags
    shape_iou: Floats
    permanence: Floats
    rmse: Floats
    cosine: Floats
    smoothness: Floats
    start: Floats
    speed: Floats
    size: Floats


@dataclass(frozen=True)
class Observations:
    """What is seen in N clips whatever their prompts: tracks, every motion's fit, `overlaps` (N, K) with K shapes."""

    tracks: Tracks
    fits: MotionFits
    shapes: tuple[str, ...]
    overlaps: Floats


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


def observe(frames: NDArray[np.uint8], world: WorldConfig) -> Observations:
    """Look at clips, uint8 (N, T, S, S, 3); what is seen can be scored against several lists of prompts."""
    tracks = track(frames)
    overlaps = shape_iou(tracks, world.shapes)
    likest = [world.shapes[number] for number in overlaps.argmax(axis=1).tolist()]
    fits = fit_tutorial(tracks) if world.laws == "tutorial" else fit_motions(tracks, likest, world)
    return Observations(tracks=tracks, fits=fits, shapes=world.shapes, overlaps=overlaps)


def score_observations(seen: Observations, prompts: Sequence[str], world: WorldConfig) -> ClipScores:
    """Score observed clips against N prompts; raises as `score_clips` does."""
    tracks, fits = seen.tracks, seen.fits
    if len(tracks.seen) != len(prompts):
        raise ValueError(f"there are {len(tracks.seen)} clips but {len(prompts)} prompts; each clip needs its own")
    known = {prompt: world.meaning_of(prompt) for prompt in set(prompts)}
    meanings = [known[prompt] for prompt in prompts]
    expected = tuple(meaning.motion for meaning in meanings)
    predicted = fits.motions
    prompted = fits.of(np.array([MOTIONS.index(motion) for motion in expected], dtype=np.int64))

    motion_ok = fits.is_best(prompted)
    overlap, shape_ok = _shape(seen, meanings)
    permanence = _permanence(tracks, fits.of(fits.best))
    permanence_ok = permanence >= MIN_SHARE_OF_FRAMES
    colour_ok = _colour(tracks, [world.colour_of(meaning) for meaning in meanings])
    resizing = np.array([motion in SIZES for motion in expected], dtype=np.bool_)
    return ClipScores(
        prompts=tuple(prompts),
        expected=expected,
        predicted=predicted,
        motion_ok=motion_ok,
        shape_ok=shape_ok,
        permanence_ok=permanence_ok,
        colour_ok=colour_ok,
        joint=motion_ok & shape_ok & permanence_ok & colour_ok,
        shape_iou=overlap,
        permanence=permanence,
        rmse=prompted.rmse,
        cosine=np.where(resizing, np.nan, _cosine(tracks, prompted)),
        smoothness=_smoothness(tracks),
        start=tracks.centroids[:, 0],
        speed=_speed(tracks, resizing),
        size=_mean_where(tracks.radii, tracks.whole),
    )


def _shape(seen: Observations, meanings: Sequence[Meaning]) -> tuple[Floats, Flags]:
    """Overlap with the prompted shape, and whether it is large enough and no other shape of the world has a larger one.

    A circle covers 0.83 of a square, so in a world of several shapes the overlap alone would not tell them apart.
    """
    for meaning in meanings:
        if meaning.shape not in seen.shapes:
            raise ValueError(f"a prompt asks for a {meaning.shape}, but the world has {', '.join(seen.shapes)} only")
    overlap = seen.overlaps[np.arange(len(meanings)), [seen.shapes.index(meaning.shape) for meaning in meanings]]
    return overlap, (overlap >= MIN_SHAPE_IOU) & (overlap >= seen.overlaps.max(axis=1, initial=0))


def _permanence(tracks: Tracks, fit: MotionFit) -> Floats:
    """Share of the frames, of those with the path in the picture, with exactly one blob of about the right area."""
    fraction, _ = visible_part(fit.centres, fit.radii, frame_size=tracks.frame_size)
    expected = fraction * np.pi * fit.radii**2
    right_size = (tracks.areas >= AREA_LIMITS[0] * expected) & (tracks.areas <= AREA_LIMITS[1] * expected)
    inside = inside_picture(fit.centres, frame_size=tracks.frame_size)
    good = inside & (tracks.blobs == 1) & right_size
    return np.asarray(good.sum(axis=1) / np.maximum(inside.sum(axis=1), 1))


def _colour(tracks: Tracks, wanted: Sequence[str]) -> Flags:
    """Whether the prompted colour is the nearest of the palette and white in nearly all frames that hold a blob."""
    names = (*COLOURS, "white")
    palette = np.array([*COLOURS.values(), (255, 255, 255)], dtype=np.float64)
    seen = tracks.seen
    distance = ((np.nan_to_num(tracks.colours)[..., None, :] - palette) ** 2).sum(axis=-1)
    right = seen & (distance.argmin(axis=-1) == np.array([names.index(colour) for colour in wanted])[:, None])
    frames = seen.sum(axis=1)
    return np.asarray((frames > 0) & (right.sum(axis=1) >= MIN_SHARE_OF_FRAMES * frames))


def _steps(tracks: Tracks) -> tuple[Floats, Flags]:
    """Steps of the centroid (N, T-1, 2), 0 where either end is not whole, and where both are (N, T-1)."""
    both = tracks.whole[:, 1:] & tracks.whole[:, :-1]
    return np.where(both[..., None], np.diff(np.nan_to_num(tracks.centroids), axis=1), 0.0), both


def _mean_where(values: Floats, mask: Flags) -> Floats:
    number = mask.sum(axis=1)
    mean = np.where(mask, values, 0).sum(axis=1) / np.maximum(number, 1)
    return np.asarray(np.where(number > 0, mean, np.nan))


def _cosine(tracks: Tracks, fit: MotionFit) -> Floats:
    """Cosine of the angle between the seen and the fitted steps, all of a clip's steps taken as one vector."""
    seen, both = _steps(tracks)
    ideal = np.where(both[..., None], np.diff(fit.centres, axis=1), 0.0)
    length = np.sqrt((seen**2).sum(axis=(1, 2)) * (ideal**2).sum(axis=(1, 2)))
    return np.asarray(np.where(length > 0, (seen * ideal).sum(axis=(1, 2)) / np.where(length > 0, length, 1), np.nan))


def _smoothness(tracks: Tracks) -> Floats:
    step, both = _steps(tracks)
    return _mean_where(np.sqrt((np.diff(step, axis=1) ** 2).sum(axis=-1)), both[:, 1:] & both[:, :-1])


def _speed(tracks: Tracks, resizing: Flags) -> Floats:
    step, both = _steps(tracks)
    moving = np.sqrt((step**2).sum(axis=-1))
    growing = np.abs(np.diff(tracks.radii, axis=1))
    return _mean_where(np.where(resizing[:, None], growing, moving), both)
