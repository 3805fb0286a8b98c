"""Tells shapes apart: each blob that nothing cuts is compared with the ideal shapes of equal area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.worlds.shapes import SHAPES, reach, signed_distance
from evaluation.scoring.tracker import Tracks

Floats = NDArray[np.float64]

SYMMETRY = {"square": 4, "triangle": 3, "star": 5}
"""The rotational symmetry of each shape with corners: turned by a full turn divided by this, it looks the same."""
_CORNER = {"square": np.pi / 4, "triangle": -np.pi / 2, "star": -np.pi / 2}
"""The direction of one corner at angle 0; y points down."""
_FRAMES_AT_ONCE = 64  # their windows fit into the CPU's cache
_FULL_INK = 252.0
_SOLID = 0.99
"""Pixels that the ideal shape covers by at least this share lie inside it."""


@dataclass(frozen=True)
class ShapeMatch:
    """How well each of the K = len(SHAPES) ideal shapes matches the blobs of N clips of T frames.

    A frame is judged if nothing cuts or touches the blob. If a clip has no such frame, because two objects touch in all
    of them, a frame is judged if the blob is whole. All other values are NaN.

    Attributes:
        overlap: float64 (N, T, K), 0 to 1, soft intersection over union: the sum over all pixels of the smaller
            coverage, divided by the sum of the larger one. The ideal shape has the blob's area, centroid and angle.
        angle: float64 (N, T, K), radians, by which the blob is turned if it is that shape. 0 for circles.
        edge: float64 (N, T, K), the blob's sum of coverage * (1 - coverage), divided by that of the ideal shape. 1 is
            an edge as the renderer draws it. An edge of twice the width gives 2.
    """

    overlap: Floats
    angle: Floats
    edge: Floats

    @property
    def judged(self) -> NDArray[np.bool_]:
        """bool (N, T)."""
        return np.isfinite(self.edge[..., 0])

    @property
    def mean(self) -> Floats:
        """float64 (N, K), mean overlap over the judged frames. 0 if there is no such frame."""
        known = np.isfinite(self.overlap)
        return np.asarray(np.where(known, self.overlap, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def match_shapes(tracks: Tracks) -> ShapeMatch:
    """Compare the blobs of N clips with the K shapes that the renderer knows, `SHAPES`.

    The coverage of a pixel is its ink, divided by the mean ink inside the shape. So the shape does not depend on how
    strong the colour is.
    """
    side = tracks.cutouts.shape[-1]
    judged = np.where(tracks.clear.any(axis=1, keepdims=True), tracks.clear, tracks.whole)
    cutouts = tracks.cutouts[judged]
    centres = (tracks.centroids - tracks.origins)[judged].astype(np.float32)
    # Frames with blobs of similar size are taken together, in windows that just hold the widest shape of that area.
    half = np.minimum(np.ceil(tracks.radii[judged] * max(map(reach, SHAPES)) + 3).astype(np.int64), side // 2)
    order = np.argsort(half, kind="stable")
    found = np.full((3, len(cutouts), len(SHAPES)), np.nan)
    for first in range(0, len(cutouts), _FRAMES_AT_ONCE):
        some = order[first : first + _FRAMES_AT_ONCE]
        window = slice(side // 2 - half[some].max(), side // 2 + half[some].max() + 1)
        ink = cutouts[some, window, window].astype(np.float32)
        grid = np.arange(side, dtype=np.float32)[window]
        x = grid[None, None, :] - centres[some, 0, None, None]
        y = grid[None, :, None] - centres[some, 1, None, None]
        for k, shape in enumerate(SHAPES):
            angle = _angle(shape, ink, x, y)
            strength = np.full(len(ink), 255.0, np.float32)
            for _ in range(2):  # the area depends on the strength of the ink, and the inside on the area
                seen = np.minimum(ink / strength[:, None, None], 1)
                radius = np.sqrt(seen.sum(axis=(1, 2)) / np.pi)
                ideal = _coverage(shape, x, y, radius=radius, angle=angle)
                inside = ideal >= _SOLID
                strength = (ink * inside).sum(axis=(1, 2)) / np.maximum(inside.sum(axis=(1, 2)), 1)
                strength = np.where(strength < _FULL_INK, strength.clip(64), 255)
                if strength.min() == 255:  # a second pass would change nothing
                    break
            both, either = np.minimum(seen, ideal).sum(axis=(1, 2)), np.maximum(seen, ideal).sum(axis=(1, 2))
            found[0, some, k] = both / np.maximum(either, 1e-6)
            found[1, some, k] = angle
            found[2, some, k] = _edge(seen) / np.maximum(_edge(ideal), 1e-6)
    values = np.full((3, *judged.shape, len(SHAPES)), np.nan)
    values[:, judged] = found
    return ShapeMatch(*values)


def turned_by(shape: str, angle: Floats, expected: Floats) -> Floats:
    """How far a blob is turned from the `expected` angle: radians, 0 to half of the shape's symmetry. 0 for circles."""
    if shape not in SYMMETRY:
        return np.zeros_like(angle)
    period = 2 * np.pi / SYMMETRY[shape]
    return np.asarray(np.abs((angle - expected + period / 2) % period - period / 2))


def _coverage(
    shape: str,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    radius: NDArray[np.float32],
    angle: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Coverage of each pixel, 0 to 1, as the renderer computes it."""
    distance = signed_distance(shape, x, y, radius=radius[:, None, None], angle=angle[:, None, None])
    return np.asarray(np.clip(0.5 - distance, 0, 1), dtype=np.float32)


def _edge(coverage: NDArray[np.float32]) -> Floats:
    return np.asarray((coverage * (1 - coverage)).sum(axis=(1, 2)), dtype=np.float64)


def _angle(shape: str, ink: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """The angle (F,) in radians by which the blobs (F, K, K) are turned.

    It is the phase of the complex moment of the shape's symmetry, because corners are farthest from the centroid.
    """
    if shape not in SYMMETRY:
        return np.zeros(len(ink), np.float32)
    fold = SYMMETRY[shape]
    moment = (ink * (x + 1j * y).astype(np.complex64) ** fold).sum(axis=(1, 2))
    return np.asarray(np.angle(moment) / fold - _CORNER[shape], dtype=np.float32)
