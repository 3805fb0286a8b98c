"""Scores of one object of each clip against what the prompt asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import MOTIONS, ORBITS, SIZES
from data.worlds.prompts import Meaning
from data.worlds.world import WorldConfig
from evaluation.scoring.limits import (
    AREA_LIMITS,
    MAX_COLOUR_DISTANCE,
    MAX_EDGE,
    MAX_SIZE_ERROR,
    MAX_TURN,
    MIN_DIGIT_SCORE,
    MIN_FRAME_DIGIT_SCORE,
    MIN_FRAME_IOU,
    MIN_SHAPE_IOU,
    MIN_TOUCHING_IOU,
    MIN_VISIBLE,
)
from evaluation.scoring.motion_fit import MotionFit, inside_picture, visible_part
from evaluation.scoring.observations import Observation
from evaluation.scoring.shape_match import turned_by
from evaluation.scoring.tracker import Tracks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ObjectScores:
    """Scores of one object of N clips. Every array has N in front; `ClipScores` explains the fields.

    `predicted` is an index into `MOTIONS`, or -1 if no motion fits.
    """

    predicted: NDArray[np.int64]
    present: Flags
    motion_ok: Flags
    shape_ok: Flags
    turn_ok: Flags
    size_ok: Flags
    colour_ok: Flags
    edge_ok: Flags
    permanence_ok: Flags
    shape_iou: Floats
    frame_iou: Floats
    turn: Floats
    size_error: Floats
    colour_distance: Floats
    edge: Floats
    permanence: Floats
    rmse: Floats
    step_rmse: Floats
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
    """Score one object of N clips against N meanings. Raises ValueError if the world lacks a prompted shape.

    Size and permanence are judged by the law of the motion that the clip shows, and the edge by the shape that it
    shows, so that a wrong motion or shape alone does not make them wrong. The turn is judged if the shape is right.
    """
    for meaning in meanings:
        if meaning.shape not in world.shapes:
            raise ValueError(
                f"a prompt asks for the shape {meaning.shape}; the world has {', '.join(world.shapes)} only"
            )
    tracks, fits, match = observation.tracks, observation.fits, observation.match
    rows = np.arange(len(meanings))
    motion = np.array([MOTIONS.index(meaning.motion) for meaning in meanings], dtype=np.int64)
    shape = np.array([world.known_shapes.index(meaning.shape) for meaning in meanings], dtype=np.int64)
    prompted, shown = fits.of(motion), fits.of(fits.best)
    judged, clear = match.judged, tracks.clear.any(axis=1)
    known = judged.any(axis=1)
    overlaps = match.mean
    shape_iou = overlaps[rows, shape]
    frame_iou = np.nan_to_num(match.overlap, nan=1)[rows, :, shape].min(axis=1) * known
    turn = _mean_where(_turn(match.angle[rows, :, shape], meanings, prompted, tracks.frame_size), judged)
    size_error = np.where(judged, np.abs(tracks.radii / shown.radii - 1), 0).max(axis=1)
    colour_distance = _colour_distance(tracks, [world.palette[world.colour_of(meaning)] for meaning in meanings])
    edge = _mean_where(match.edge[rows, :, overlaps.argmax(axis=1)], judged)
    near = np.where(clear, (shape_iou >= MIN_SHAPE_IOU) & (frame_iou >= MIN_FRAME_IOU), shape_iou >= MIN_TOUCHING_IOU)
    read = (shape_iou >= MIN_DIGIT_SCORE) & (frame_iou >= MIN_FRAME_DIGIT_SCORE)
    shape_ok = (shape_iou >= overlaps.max(axis=1)) & (read if world.digits else near)
    permanence = _permanence(observation, shown, digits=world.digits)
    resizing = np.array([meaning.motion in SIZES for meaning in meanings], dtype=np.bool_)
    return ObjectScores(
        predicted=fits.recognised,
        present=observation.present,
        motion_ok=fits.right[rows, motion],
        shape_ok=shape_ok,
        turn_ok=known & (~shape_ok | (turn <= MAX_TURN)),
        size_ok=known & (size_error <= MAX_SIZE_ERROR),
        colour_ok=np.asarray(colour_distance <= MAX_COLOUR_DISTANCE),
        edge_ok=known & (edge <= MAX_EDGE),
        permanence_ok=np.asarray(permanence == 1),
        shape_iou=shape_iou,
        frame_iou=frame_iou,
        turn=turn,
        size_error=size_error,
        colour_distance=colour_distance,
        edge=edge,
        permanence=permanence,
        rmse=prompted.rmse,
        step_rmse=prompted.step_rmse,
        cosine=np.where(resizing, np.nan, _cosine(tracks, prompted)),
        smoothness=_smoothness(tracks),
        start=tracks.centroids[:, 0],
        speed=_speed(tracks, resizing),
        size=_mean_where(tracks.radii, tracks.whole),
    )


def _turn(angles: Floats, meanings: Sequence[Meaning], fit: MotionFit, frame_size: int) -> Floats:
    """How far each blob is turned against its law, radians, from the angles seen (N, T). 0 for circles.

    Objects stay upright, except in the two rotations: there an object turns as it goes round.
    """
    arm = fit.centres - (frame_size - 1) / 2
    turned = np.unwrap(np.arctan2(arm[..., 1], arm[..., 0]), axis=1)
    turned = turned - turned[:, :1]
    found = np.zeros_like(angles)
    for n, meaning in enumerate(meanings):
        expected = turned[n] if meaning.motion in ORBITS else np.zeros_like(turned[n])
        found[n] = turned_by(meaning.shape, angles[n], expected)
    return found


def _colour_distance(tracks: Tracks, wanted: Sequence[tuple[int, int, int]]) -> Floats:
    """RMS distance of the inside of the blob from the wanted colour in the worst frame. Infinite without a blob.

    Frames in which another object touches the blob are left out if there are others, because the two colours mix there.
    """
    target = np.array(wanted, dtype=np.float64)
    inside = np.isfinite(tracks.stains)
    alone = inside & ~tracks.beside
    judged = np.where(alone.any(axis=1, keepdims=True), alone, inside & ~tracks.hidden)
    squared = ((np.nan_to_num(tracks.colours) - target[:, None]) ** 2).sum(axis=-1) + np.nan_to_num(tracks.stains) ** 2
    worst = np.sqrt(np.where(judged, squared, 0).max(axis=1))
    return np.where(judged.any(axis=1), worst, np.inf)


def _permanence(observation: Observation, fit: MotionFit, *, digits: bool) -> Floats:
    """Share of the judged frames that show the object, float64 (N,). 0 if no frame can be judged.

    A frame is judged if the path is in the picture and no other object hides most of the object. The border
    cuts no digit.
    """
    tracks = observation.tracks
    fraction = 1.0 if digits else visible_part(fit.centres, fit.radii, frame_size=tracks.frame_size)[0]
    alone = fraction * np.pi * fit.radii**2  # the expected area if nothing hides the object
    expected = alone if observation.others is None else alone - _covered(fit, observation.others)
    judged = inside_picture(fit.centres, frame_size=tracks.frame_size) & (expected >= MIN_VISIBLE * alone)
    right_size = (tracks.areas >= AREA_LIMITS[0] * expected) & (tracks.areas <= AREA_LIMITS[1] * expected)
    return np.asarray((judged & right_size).sum(axis=1) / np.maximum(judged.sum(axis=1), 1))


def _covered(fit: MotionFit, others: Flags) -> Floats:
    """The number of pixels (N, T) of other objects inside the disc that the fitted path expects."""
    grid = np.arange(others.shape[-1], dtype=np.float32)
    covered = np.empty(fit.radii.shape)
    for n in range(len(covered)):
        x = (grid - fit.centres[n, :, :1].astype(np.float32)) ** 2
        y = (grid - fit.centres[n, :, 1:].astype(np.float32)) ** 2
        near = y[:, :, None] + x[:, None, :] <= (fit.radii[n] ** 2)[:, None, None]
        covered[n] = (near & others[n]).sum(axis=(1, 2))
    return covered


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
