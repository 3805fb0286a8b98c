"""A clip taken apart into what is seen of each object: its place, shape, motion and permanence, whatever the prompt.

Where a world's clips show one object, all ink belongs to it. Where they show two, the colours differ, and each pixel
belongs to the colour whose ink it is likest: soft edges keep the direction of a colour, and where two objects meet, the
border between them is where their inks are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.worlds.shapes import COLOURS
from data.worlds.world import WorldConfig
from evaluation.scoring.motion_fit import MotionFit, MotionFits, fit_motions, inside_picture, visible_part
from evaluation.scoring.shape_match import shape_iou
from evaluation.scoring.tracker import HALF_COVERAGE, HAZE, SPECK, Tracks, ink_of, track
from evaluation.scoring.tutorial_fit import fit_tutorial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Value = TypeVar("Value", np.float64, np.bool_)

AREA_LIMITS = (0.5, 1.5)
"""A blob of less or more than these multiples of the expected area is not the shape."""
MIN_VISIBLE = 0.5
"""Frames in which another object hides more of an object than this leaves are not judged."""
MIN_FRAMES = 0.3
"""An object that is seen in a smaller share of the frames is none."""


@dataclass(frozen=True)
class Observation:
    """What is seen of one object in each of N clips, whatever their prompts.

    Attributes:
        tracks: of its largest blob.
        fits: how well each motion describes them.
        overlaps: float64 (N, K) with the ideal shapes of the world.
        permanence: float64 (N,), 0 to 1, share of the frames in which there is exactly one blob of the right size, of
            those with the path in the picture and the object in sight.
        present: bool (N,), it is there at all.
        crowded: float64 (N,), 0 to 1, share of the frames with the path in the picture that hold further blobs.
        seen: float64 (N,), 0 to 1, share of all frames in which it is seen.
    """

    tracks: Tracks
    fits: MotionFits
    overlaps: Floats
    permanence: Floats
    present: Flags
    crowded: Floats
    seen: Floats


def observe(frames: NDArray[np.uint8], world: WorldConfig) -> tuple[Observation, ...]:
    """Take clips uint8 (N, T, S, S, 3) apart: into one layer of all ink, or one for each of the world's colours."""
    if world.objects == 1:
        return (_observation(track(frames), [], world),)
    tracks = _tracks_by_colour(frames, world.colours)
    observations = []
    for k, mine in enumerate(tracks):
        rows = np.flatnonzero(mine.seen.any(axis=1))  # most clips lack most colours
        others = [other.rows(rows) for other in (*tracks[:k], *tracks[k + 1 :])]
        observations.append(_spread(_observation(mine.rows(rows), others, world), mine, rows))
    return tuple(observations)


def _spread(layer: Observation, tracks: Tracks, rows: NDArray[np.int64]) -> Observation:
    """The layer of all clips of `tracks` from that of the clips `rows`, which alone hold anything."""

    def among_all(values: NDArray[Value], empty: float) -> NDArray[Value]:
        spread = np.full((len(tracks.seen), *values.shape[1:]), empty, values.dtype)
        spread[rows] = values
        return spread

    return Observation(
        tracks=tracks,
        fits=MotionFits(
            rmse=among_all(layer.fits.rmse, np.inf),
            centres=among_all(layer.fits.centres, 0),
            radii=among_all(layer.fits.radii, 0),
            frame_size=layer.fits.frame_size,
        ),
        overlaps=among_all(layer.overlaps, 0),
        permanence=among_all(layer.permanence, 0),
        present=among_all(layer.present, False),
        crowded=among_all(layer.crowded, 0),
        seen=among_all(layer.seen, 0),
    )


def _tracks_by_colour(frames: NDArray[np.uint8], colours: Sequence[str]) -> list[Tracks]:
    owner = owner_colours(frames, colours)
    solid = ink_of(frames) >= HALF_COVERAGE
    found = [
        track(
            np.where((owner == k)[..., None], frames, np.uint8(255)),
            others=solid & (owner != k),
        )
        for k in range(len(colours))
    ]
    largest = np.max([one.areas for one in found], axis=0)
    return [_without_specks(one, largest) for one in found]


def owner_colours(frames: NDArray[np.uint8], colours: Sequence[str]) -> NDArray[np.int8]:
    """Number of the colour that each pixel of frames (N, T, S, S, 3) belongs to, int8 (N, T, S, S); -1: background."""
    inks = 255.0 - np.array([COLOURS[colour] for colour in colours])
    directions = (inks / np.linalg.norm(inks, axis=1, keepdims=True)).astype(np.float32)
    owner = np.full(frames.shape[:-1], -1, np.int8)
    inked = ink_of(frames) >= HAZE
    owner[inked] = ((255 - frames[inked]).astype(np.float32) @ directions.T).argmax(axis=1)
    return owner


def _without_specks(tracks: Tracks, largest: Floats) -> Tracks:
    """The tracks without blobs that are specks beside the `largest` area (N, T) of any colour's blob."""
    kept = (tracks.blobs > 0) & (tracks.areas >= SPECK * largest)
    return replace(
        tracks,
        centroids=np.where(kept[..., None], tracks.centroids, np.nan),
        areas=np.where(kept, tracks.areas, 0.0),
        blobs=np.where(kept, tracks.blobs, 0),
        whole=tracks.whole & kept,
        hidden=tracks.hidden & kept,
        colours=np.where(kept[..., None], tracks.colours, np.nan),
    )


def _observation(tracks: Tracks, others: Sequence[Tracks], world: WorldConfig) -> Observation:
    overlaps = shape_iou(tracks, world.shapes)
    likest = [world.shapes[number] for number in overlaps.argmax(axis=1).tolist()]
    fits = fit_tutorial(tracks) if world.laws == "tutorial" else fit_motions(tracks, likest, world)
    best = fits.of(fits.best)
    fraction, _ = visible_part(best.centres, best.radii, frame_size=tracks.frame_size)
    alone = fraction * np.pi * best.radii**2
    expected = alone - sum((_covered(best, other) for other in others), np.zeros_like(alone))
    inside = inside_picture(best.centres, frame_size=tracks.frame_size)
    judged = inside & (expected >= MIN_VISIBLE * alone)
    right_size = (tracks.areas >= AREA_LIMITS[0] * expected) & (tracks.areas <= AREA_LIMITS[1] * expected)
    further = (tracks.blobs > 1) & ~tracks.hidden  # what lies across an object may cut it into pieces
    single = (tracks.blobs >= 1) & ~further
    return Observation(
        tracks=tracks,
        fits=fits,
        overlaps=overlaps,
        permanence=_share(judged & single & right_size, judged),
        present=np.asarray(tracks.seen.mean(axis=1) >= MIN_FRAMES),
        crowded=_share(inside & further, inside),
        seen=np.asarray(tracks.seen.mean(axis=1)),
    )


def _share(good: Flags, judged: Flags) -> Floats:
    return np.asarray(good.sum(axis=1) / np.maximum(judged.sum(axis=1), 1))


def _covered(fit: MotionFit, other: Tracks) -> Floats:
    """Pixels (N, T) of another object within the disc that a fitted path expects."""
    side = np.arange(other.cutouts.shape[-1])
    x = other.origins[..., 0, None] + side - fit.centres[..., 0, None]
    y = other.origins[..., 1, None] + side - fit.centres[..., 1, None]
    near = x[..., None, :] ** 2 + y[..., :, None] ** 2 <= (fit.radii**2)[..., None, None]
    covered = (near & (other.cutouts >= HALF_COVERAGE)).sum(axis=(2, 3))
    return np.where(other.seen, covered, 0).astype(np.float64)
