"""Scores of one object of each clip against what the prompt asks for."""

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
"""A blob has the prompted shape if their overlap is at least this large."""
MIN_SHARE_OF_FRAMES = 0.9
"""A clip passes permanence, colour and count if at least this share of its frames passes."""


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
        """For each clip n, the scores of `several[number[n]]`."""
        rows = np.arange(len(number))
        return ObjectScores(
            **{
                field.name: np.stack([getattr(one, field.name) for one in several])[number, rows]
                for field in fields(ObjectScores)
            }
        )


def score_object(observation: Observation, meanings: Sequence[Meaning], world: WorldConfig) -> ObjectScores:
    """Score one object of N clips against N meanings. Raises ValueError if the world lacks a prompted shape."""
    tracks, fits = observation.tracks, observation.fits
    expected = np.array([MOTIONS.index(meaning.motion) for meaning in meanings], dtype=np.int64)
    prompted = fits.of(expected)
    overlap, shape_ok = _shape(observation.overlaps, meanings, world)
    resizing = np.array([meaning.motion in SIZES for meaning in meanings], dtype=np.bool_)
    return ObjectScores(
        predicted=fits.recognised,
        present=observation.present,
        motion_ok=fits.is_best(prompted),
        shape_ok=shape_ok,
        permanence_ok=np.asarray(observation.permanence >= MIN_SHARE_OF_FRAMES),
        colour_ok=_colour(tracks, [world.colour_of(meaning) for meaning in meanings]),
        shape_iou=overlap,
        permanence=observation.permanence,
        crowded=observation.crowded,
        seen=observation.seen,
        rmse=prompted.rmse,
        cosine=np.where(resizing, np.nan, _cosine(tracks, prompted)),
        smoothness=_smoothness(tracks),
        start=tracks.centroids[:, 0],
        speed=_speed(tracks, resizing),
        size=_mean_where(tracks.radii, tracks.whole),
    )


def _shape(overlaps: Floats, meanings: Sequence[Meaning], world: WorldConfig) -> tuple[Floats, Flags]:
    """The overlap with the prompted shape, and whether the shape is right.

    The overlap must be large enough, and no other shape of the world may have a larger one. The overlap alone would not
    be enough, because a circle covers 0.83 of a square.
    """
    for meaning in meanings:
        if meaning.shape not in world.shapes:
            raise ValueError(
                f"a prompt asks for the shape {meaning.shape}; the world has {', '.join(world.shapes)} only"
            )
    overlap = overlaps[np.arange(len(meanings)), [world.shapes.index(meaning.shape) for meaning in meanings]]
    return overlap, (overlap >= MIN_SHAPE_IOU) & (overlap >= overlaps.max(axis=1, initial=0))


def _colour(tracks: Tracks, wanted: Sequence[str]) -> Flags:
    """Whether the prompted colour is nearer than every other colour and white in 90 % of the frames with a blob."""
    names = (*COLOURS, "white")
    palette = np.array([*COLOURS.values(), (255, 255, 255)], dtype=np.float64)
    seen = tracks.seen
    distance = ((np.nan_to_num(tracks.colours)[..., None, :] - palette) ** 2).sum(axis=-1)
    right = seen & (distance.argmin(axis=-1) == np.array([names.index(colour) for colour in wanted])[:, None])
    frames = seen.sum(axis=1)
    return np.asarray((frames > 0) & (right.sum(axis=1) >= MIN_SHARE_OF_FRAMES * frames))


def _steps(tracks: Tracks) -> tuple[Floats, Flags]:
    """The steps of the centroid (N, T-1, 2), and whether the blob is whole at both ends (N, T-1). Other steps are 0."""
    both = tracks.whole[:, 1:] & tracks.whole[:, :-1]
    return np.where(both[..., None], np.diff(np.nan_to_num(tracks.centroids), axis=1), 0.0), both


def _mean_where(values: Floats, mask: Flags) -> Floats:
    number = mask.sum(axis=1)
    mean = np.where(mask, values, 0).sum(axis=1) / np.maximum(number, 1)
    return np.asarray(np.where(number > 0, mean, np.nan))


def _cosine(tracks: Tracks, fit: MotionFit) -> Floats:
    """Cosine of the angle between the seen and the fitted steps. All steps of a clip together form one vector."""
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
