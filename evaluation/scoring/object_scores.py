"""One object of each clip against what its prompt asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import MOTIONS, SIZES
from data.worlds.prompts import Meaning
from data.worlds.shapes import COLOURS
from data.worlds.world import WorldConfig
from evaluation.scoring.motion_fit import MotionFit
from evaluation.scoring.observations import Observation
from evaluation.scoring.tracker import Tracks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_SHAPE_IOU = 0.6
"""From this overlap on, a blob has the prompted shape."""
MIN_SHARE_OF_FRAMES = 0.9
"""A clip passes permanence, colour and count when this share of its frames does."""


@dataclass(frozen=True)
class ObjectScores:
    """Scores of one object of N clips. Every array has N in front; `ClipScores` explains the fields.

    `predicted` is an index into `MOTIONS`, or -1 if no motion fits.
    """

    predicted: NDArray[np.int64]
    present: Flags
    motion_ok: Flags
    shape_ok: Flags
    permanence_ok: Flags
    colour_ok: Flags
    shape_iou: Floats
    permanence: Floats
    crowded: Floats
    seen: Floats
    rmse: Floats
    cosine: Floats
    smoothness: Floats
    start: Floats
    speed: Floats
    size: Floats

    @staticmethod
    def chosen(several: Sequence[ObjectScores], number: NDArray[np.int64]) -> ObjectScores:
        """For clip n the scores of `several[number[n]]`."""
        rows = np.arange(len(number))
        return ObjectScores(
            **{
                field.name: np.stack([getattr(one, field.name) for one in several])[number, rows]
                for field in fields(ObjectScores)
            }
        )


def score_object(layer: Observation, meanings: Sequence[Meaning], world: WorldConfig) -> ObjectScores:
    """Score what is seen in N clips against N meanings; ValueError where a meaning asks for a shape that is unknown."""
    tracks, fits = layer.tracks, layer.fits
    expected = np.array([MOTIONS.index(meaning.motion) for meaning in meanings], dtype=np.int64)
    prompted = fits.of(expected)
    overlap, shape_ok = _shape(layer.overlaps, meanings, world)
    resizing = np.array([meaning.motion in SIZES for meaning in meanings], dtype=np.bool_)
    return ObjectScores(
        predicted=fits.recognised,
        present=layer.present,
        motion_ok=fits.is_best(prompted),
        shape_ok=shape_ok,
        permanence_ok=np.asarray(layer.permanence >= MIN_SHARE_OF_FRAMES),
        colour_ok=_colour(tracks, [world.colour_of(meaning) for meaning in meanings]),
        shape_iou=overlap,
        permanence=layer.permanence,
        crowded=layer.crowded,
        seen=layer.seen,
        rmse=prompted.rmse,
        cosine=np.where(resizing, np.nan, _cosine(tracks, prompted)),
        smoothness=_smoothness(tracks),
        start=tracks.centroids[:, 0],
        speed=_speed(tracks, resizing),
        size=_mean_where(tracks.radii, tracks.whole),
    )


def _shape(overlaps: Floats, meanings: Sequence[Meaning], world: WorldConfig) -> tuple[Floats, Flags]:
    """Overlap with the prompted shape, and whether it is large enough and no other shape of the world has a larger one.

    A circle covers 0.83 of a square, so in a world of several shapes the overlap alone would not tell them apart.
    """
    for meaning in meanings:
        if meaning.shape not in world.shapes:
            raise ValueError(f"a prompt asks for a {meaning.shape}, but the world has {', '.join(world.shapes)} only")
    overlap = overlaps[np.arange(len(meanings)), [world.shapes.index(meaning.shape) for meaning in meanings]]
    return overlap, (overlap >= MIN_SHAPE_IOU) & (overlap >= overlaps.max(axis=1, initial=0))


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
