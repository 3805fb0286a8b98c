"""How much a blob looks like a shape: its overlap with the ideal one of equal area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.worlds.shapes import SHAPES, signed_distance
from evaluation.scoring.tracker import HALF_COVERAGE, Tracks

_CORNERS = {"square": (4, np.pi / 4), "triangle": (3, -np.pi / 2), "star": (5, -np.pi / 2)}
"""Rotational symmetry of each shape that has one, and the direction of one of its corners (y down) at angle 0."""
_FRAMES_AT_ONCE = 1024


def shape_iou(tracks: Tracks, shapes: Sequence[str] = SHAPES) -> NDArray[np.float64]:
    """Intersection over union of each blob with ideal shapes of its area, at its centroid and the angle of its corners.

    Args:
        tracks: of N clips.
        shapes: names of the K shapes to compare with.

    Returns:
        float64 (N, K): means over the frames in which the blob is whole; 0 where there are none.
    """
    side = tracks.cutouts.shape[-1]
    whole = tracks.whole
    cutouts = tracks.cutouts[whole]
    centres = (tracks.centroids - tracks.origins)[whole].astype(np.float32)
    overlaps = np.empty((len(cutouts), len(shapes)))
    grid = np.arange(side, dtype=np.float32)
    for first in range(0, len(cutouts), _FRAMES_AT_ONCE):
        some = slice(first, first + _FRAMES_AT_ONCE)
        mask = cutouts[some] >= HALF_COVERAGE
        area = mask.sum(axis=(1, 2))
        radius = np.sqrt(area / np.pi).astype(np.float32)[:, None, None]
        x = grid[None, None, :] - centres[some, 0, None, None]
        y = grid[None, :, None] - centres[some, 1, None, None]
        for k, shape in enumerate(shapes):
            angle = _angle(shape, cutouts[some], x, y)[:, None, None]
            ideal = signed_distance(shape, x, y, radius=radius, angle=angle) <= 0
            both = (mask & ideal).sum(axis=(1, 2))
            overlaps[some, k] = both / np.maximum(area + ideal.sum(axis=(1, 2)) - both, 1)
    clip = np.nonzero(whole)[0]
    number = np.bincount(clip, minlength=len(whole))
    total = np.stack([np.bincount(clip, column, minlength=len(whole)) for column in overlaps.T], axis=-1)
    mean: NDArray[np.float64] = total / np.maximum(number, 1)[:, None]
    return mean


def _angle(shape: str, ink: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Radians by which blobs (F, K, K) are turned, from the moment of the shape's symmetry: corners reach farthest."""
    if shape not in _CORNERS:
        return np.zeros(len(ink), np.float32)
    fold, corner = _CORNERS[shape]
    moment = (ink * (x + 1j * y).astype(np.complex64) ** fold).sum(axis=(1, 2))
    return np.asarray((np.angle(moment) / fold - corner), dtype=np.float32)
