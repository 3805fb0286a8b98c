"""What is seen in clips, object by object, whatever their prompts: tracks, shapes, motions and permanence.

If the clips of a world show one object, all ink belongs to it. If they show two, the objects differ in colour. Then
each pixel belongs to the colour whose ink has the most similar direction in RGB. Soft edges keep the direction of their
colour, and where two objects meet, the border is where both colours are equally similar.
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
"""The blob has the right size if its area lies between these multiples of the expected area."""
MIN_VISIBLE = 0.5
"""A frame is not judged if other objects leave less than this fraction of the object visible."""
MIN_FRAMES = 0.3
"""An object is present if it is seen in at least this share of the frames."""


@dataclass(frozen=True)
class Observation:
    """What is seen of one object in each of N clips, whatever their prompts.

    Attributes:
        tracks: of the object's largest blob.
        fits: how well each motion describes the tracks.
        overlaps: float64 (N, K), overlap with each ideal shape of the world.
        permanence: float64 (N,), 0 to 1, share of the judged frames with exactly one blob of the right size. Judged are
            the frames in which the fitted path is in the picture and the object is visible.
        present: bool (N,), the object is there at all.
        crowded: float64 (N,), 0 to 1, share of the frames with the path in the picture that show further blobs.
        seen: float64 (N,), 0 to 1, share of all frames in which the object is seen.
    """

    tracks: Tracks
    fits: MotionFits
    overlaps: Floats
    permanence: Floats
    present: Flags
    crowded: Floats
    seen: Floats


def observe(frames: NDArray[np.uint8], world: WorldConfig) -> tuple[Observation, ...]:
    """Look at clips, uint8 (N, T, S, S, 3). The result can be scored against several lists of prompts.

    Returns:
        One observation of all ink if the world's clips show one object, else one per colour of the world.

    Raises:
        ValueError: frames have another shape or type.
    """
    if world.objects == 1:
        return (_observation(track(frames), [], world),)
    tracks = _tracks_by_colour(frames, world.colours)
    observations = []
    for k, mine in enumerate(tracks):
        rows = np.flatnonzero(mine.seen.any(axis=1))  # most clips lack most colours
        others = [other.rows(rows) for other in (*tracks[:k], *tracks[k + 1 :])]
        observations.append(_for_all_clips(_observation(mine.rows(rows), others, world), mine, rows))
    return tuple(observations)


def owner_colours(frames: NDArray[np.uint8], colours: Sequence[str]) -> NDArray[np.int8]:
    """Index of the colour that each pixel of frames (N, T, S, S, 3) belongs to, int8 (N, T, S, S). -1 is background."""
    inks = 255.0 - np.array([COLOURS[colour] for colour in colours])
    directions = (inks / np.linalg.norm(inks, axis=1, keepdims=True)).astype(np.float32)
    owner = np.full(frames.shape[:-1], -1, np.int8)
    inked = ink_of(frames) >= HAZE
    owner[inked] = ((255 - frames[inked]).astype(np.float32) @ directions.T).argmax(axis=1)
    return owner


def _for_all_clips(observation: Observation, tracks: Tracks, rows: NDArray[np.int64]) -> Observation:
    """An observation of all clips of `tracks`, given one of the clips `rows`. The other clips show nothing."""

    def spread(values: NDArray[Value], empty: float) -> NDArray[Value]:
        full = np.full((len(tracks.seen), *values.shape[1:]), empty, values.dtype)
        full[rows] = values
        return full

    fits = observation.fits
    return Observation(
        tracks=tracks,
        fits=MotionFits(spread(fits.rmse, np.inf), spread(fits.centres, 0), spread(fits.radii, 0), fits.frame_size),
        overlaps=spread(observation.overlaps, 0),
        permanence=spread(observation.permanence, 0),
        present=spread(observation.present, False),
        crowded=spread(observation.crowded, 0),
        seen=spread(observation.seen, 0),
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
        hidden=tracks.hidden & kept,
        colours=np.where(kept[..., None], tracks.colours, np.nan),
    )


def _observation(tracks: Tracks, others: Sequence[Tracks], world: WorldConfig) -> Observation:
    overlaps = shape_iou(tracks, world.shapes)
    likeliest = [world.shapes[number] for number in overlaps.argmax(axis=1).tolist()]
    fits = fit_tutorial(tracks) if world.laws == "tutorial" else fit_motions(tracks, likeliest, world)
    best = fits.of(fits.best)
    fraction, _ = visible_part(best.centres, best.radii, frame_size=tracks.frame_size)
    alone = fraction * np.pi * best.radii**2  # the expected area if nothing hides the object
    expected = alone - sum((_covered(best, other) for other in others), np.zeros_like(alone))
    inside = inside_picture(best.centres, frame_size=tracks.frame_size)
    judged = inside & (expected >= MIN_VISIBLE * alone)
    right_size = (tracks.areas >= AREA_LIMITS[0] * expected) & (tracks.areas <= AREA_LIMITS[1] * expected)
    further = (tracks.blobs > 1) & ~tracks.hidden  # another object may cut this one into pieces
    single = (tracks.blobs >= 1) & ~further
    seen = tracks.seen.mean(axis=1)
    return Observation(
        tracks=tracks,
        fits=fits,
        overlaps=overlaps,
        permanence=_share(judged & single & right_size, judged),
        present=np.asarray(seen >= MIN_FRAMES),
        crowded=_share(inside & further, inside),
        seen=np.asarray(seen),
    )


def _share(good: Flags, judged: Flags) -> Floats:
    return np.asarray(good.sum(axis=1) / np.maximum(judged.sum(axis=1), 1))


def _covered(fit: MotionFit, other: Tracks) -> Floats:
    """The number of pixels (N, T) of another object inside the disc that the fitted path expects."""
    side = np.arange(other.cutouts.shape[-1])
    x = other.origins[..., 0, None] + side - fit.centres[..., 0, None]
    y = other.origins[..., 1, None] + side - fit.centres[..., 1, None]
    near = x[..., None, :] ** 2 + y[..., :, None] ** 2 <= (fit.radii**2)[..., None, None]
    covered = (near & (other.cutouts >= HALF_COVERAGE)).sum(axis=(2, 3))
    return np.where(other.seen, covered, 0).astype(np.float64)
