"""How similar a blob is to a shape: its overlap with the ideal shape of equal area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.worlds.shapes import SHAPES, signed_distance
from evaluation.scoring.tracker import HALF_COVERAGE, Tracks

_CORNERS = {"square": (4, np.pi / 4), "triangle": (3, -np.pi / 2), "star": (5, -np.pi / 2)}
"""For each shape with corners: its rotational symmetry, and the direction of one corner at angle 0 (y points down)."""
_FRAMES_AT_ONCE = 1024


def shape_iou(tracks: Tracks, shapes: Sequence[str] = SHAPES) -> NDArray[np.float64]:
    """Intersection over union of each blob with each ideal shape.

    The ideal shape has the area, the centroid and the angle of the blob.

    Args:
        tracks: tracks of N clips.
        shapes: names of the K shapes to compare with.

    Returns:
        float64 (N, K), means over the frames in which the blob is whole. 0 if there is no such frame.
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
    """The angle (F,) in radians by which the blobs (F, K, K) are turned.

    It is the phase of the complex moment of the shape's symmetry, because corners are farthest from the centroid.
    """
    if shape not in _CORNERS:
        return np.zeros(len(ink), np.float32)
    fold, corner = _CORNERS[shape]
    moment = (ink * (x + 1j * y).astype(np.complex64) ** fold).sum(axis=(1, 2))
    return np.asarray((np.angle(moment) / fold - corner), dtype=np.float32)
