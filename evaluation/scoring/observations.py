"""What is seen in clips, object by object, whatever their prompts: tracks, shapes and motions.

Digits have a file of their own, `digits.py`.

If the clips of a world show one object, all ink belongs to it. If they show two, the objects differ in colour. Then
each pixel belongs to the colour whose ink has the most similar direction in RGB. Soft edges keep the direction of their
colour, and where two objects meet, the border is where both colours are equally similar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from data.worlds.shapes import COLOURS, SHAPES, extents
from data.worlds.world import WorldConfig
from evaluation.scoring.digits import extents_of, match_digits, track_digits
from evaluation.scoring.limits import FAINT
from evaluation.scoring.motion_fit import MotionFits, fit_motions
from evaluation.scoring.shape_match import ShapeMatch, match_shapes
from evaluation.scoring.tracker import HALF_COVERAGE, HAZE, SPECK, Tracks, dilated, ink_of, track
from evaluation.scoring.tutorial_fit import fit_tutorial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Value = TypeVar("Value", np.float64, np.bool_)

MIN_FRAMES = 0.3
"""An object is present if it is seen in at least this share of the frames."""
_REACH = 3
"""Ink within so many px of an object's pixels belongs to the object; its shape and its edge are judged elsewhere."""


@dataclass(frozen=True)
class Observation:
    """What is seen of one object in each of N clips, whatever their prompts.

    Attributes:
        tracks: of the object's largest blob.
        fits: how well each motion describes the tracks.
        match: how well each ideal shape describes the blobs.
        others: bool (N, T, S, S), pixels of other objects, which may hide this one. None if there can be none.
        present: bool (N,), the object is there at all.
    """

    tracks: Tracks
    fits: MotionFits
    match: ShapeMatch
    others: Flags | None
    present: Flags


@dataclass(frozen=True)
class Observations:
    """What is seen in N clips: their ink, uint8 (N, T, S, S), and one observation per object that may be there."""

    ink: NDArray[np.uint8]
    objects: tuple[Observation, ...]

    def beside(self, rows: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """What the clips `rows` show beside the objects with the numbers `chosen`, int64 (K,), in the worst frame.

        Returns:
            The number of pixels that are not background, and the mean distance of the background from its colour in
            levels (0-255), both float64 (n,).
        """
        own = np.zeros((len(rows), *self.ink.shape[1:]), np.bool_)
        for number in chosen.tolist():
            own |= self.objects[number].tracks.masks[rows]
        outside = ~dilated(own, _REACH)
        ink = self.ink[rows]
        smooth = np.stack([cv2.blur(frame, (3, 3)) for frame in ink.reshape(-1, *ink.shape[2:])]).reshape(ink.shape)
        extra = ((smooth >= FAINT) & outside).sum(axis=(2, 3))
        level = (ink * outside).sum(axis=(2, 3)) / np.maximum(outside.sum(axis=(2, 3)), 1)
        return extra.max(axis=1).astype(np.float64), np.asarray(level.max(axis=1))


def observe(frames: NDArray[np.uint8], world: WorldConfig) -> Observations:
    """Look at clips, uint8 (N, T, S, S, 3). The result can be scored against several lists of prompts.

    The result holds one observation of all ink if the world's clips show one object, else one per colour of the world.

    Raises:
        ValueError: frames have another shape or type.
    """
    if world.digits:
        return Observations(ink_of(255 - frames), (_digit_observation(track_digits(frames), world),))
    if world.objects == 1:
        return Observations(ink_of(frames), (_observation(track(frames), None, world),))
    tracks = _tracks_by_colour(frames, world.colours)
    observations = []
    for k, mine in enumerate(tracks):
        rows = np.flatnonzero(mine.seen.any(axis=1))  # most clips lack most colours
        others = np.any([other.masks for number, other in enumerate(tracks) if number != k], axis=0)
        observations.append(_for_all_clips(_observation(mine.rows(rows), others[rows], world), mine, others, rows))
    return Observations(ink_of(frames), tuple(observations))


def owner_colours(frames: NDArray[np.uint8], colours: Sequence[str]) -> NDArray[np.int8]:
    """Index of the colour that each pixel of frames (N, T, S, S, 3) belongs to, int8 (N, T, S, S). -1 is background."""
    inks = 255.0 - np.array([COLOURS[colour] for colour in colours])
    directions = (inks / np.linalg.norm(inks, axis=1, keepdims=True)).astype(np.float32)
    owner = np.full(frames.shape[:-1], -1, np.int8)
    inked = ink_of(frames) >= HAZE
    owner[inked] = ((255 - frames[inked]).astype(np.float32) @ directions.T).argmax(axis=1)
    return owner


def _for_all_clips(observation: Observation, tracks: Tracks, others: Flags, rows: NDArray[np.int64]) -> Observation:
    """An observation of all clips of `tracks`, given one of the clips `rows`. The other clips show nothing."""

    def spread(values: NDArray[Value], empty: float) -> NDArray[Value]:
        full = np.full((len(tracks.seen), *values.shape[1:]), empty, values.dtype)
        full[rows] = values
        return full

    fits, match = observation.fits, observation.match
    return Observation(
        tracks=tracks,
        fits=MotionFits(
            spread(fits.rmse, np.inf),
            spread(fits.step_rmse, np.inf),
            spread(fits.centres, 0),
            spread(fits.radii, 1),
            fits.frame_size,
        ),
        match=ShapeMatch(spread(match.overlap, np.nan), spread(match.angle, np.nan), spread(match.edge, np.nan)),
        others=others,
        present=spread(observation.present, False),
    )


def _tracks_by_colour(frames: NDArray[np.uint8], colours: Sequence[str]) -> list[Tracks]:
    owner = owner_colours(frames, colours)
    solid = ink_of(frames) >= HALF_COVERAGE
    found = [
        track(np.where((owner == k)[..., None], frames, np.uint8(255)), others=solid & (owner != k))
        for k in range(len(colours))
    ]
    largest = np.max([tracks.areas for tracks in found], axis=0)
    return [_without_specks(tracks, largest) for tracks in found]


def _without_specks(tracks: Tracks, largest: Floats) -> Tracks:
    """Drop the blobs that are specks beside the `largest` blob of any colour, whose area is (N, T)."""
    kept = (tracks.blobs > 0) & (tracks.areas >= SPECK * largest)
    return replace(
        tracks,
        centroids=np.where(kept[..., None], tracks.centroids, np.nan),
        areas=np.where(kept, tracks.areas, 0.0),
        blobs=np.where(kept, tracks.blobs, 0),
        whole=tracks.whole & kept,
        clear=tracks.clear & kept,
        beside=tracks.beside & kept,
        colours=np.where(kept[..., None], tracks.colours, np.nan),
        stains=np.where(kept, tracks.stains, np.nan),
    )


def _observation(tracks: Tracks, others: Flags | None, world: WorldConfig) -> Observation:
    match = match_shapes(tracks)
    reaches = np.concatenate([extents(shape) for shape in SHAPES], axis=1)[:, match.mean.argmax(axis=1)]
    fits = fit_tutorial(tracks) if world.laws == "tutorial" else fit_motions(tracks, reaches, world)
    return Observation(tracks, fits, match, others, _present(tracks))


def _digit_observation(tracks: Tracks, world: WorldConfig) -> Observation:
    return Observation(
        tracks, fit_motions(tracks, extents_of(tracks), world), match_digits(tracks), None, _present(tracks)
    )


def _present(tracks: Tracks) -> Flags:
    return np.asarray(tracks.seen.mean(axis=1) >= MIN_FRAMES)
