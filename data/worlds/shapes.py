"""Shapes as signed distance functions, and the colours in which they are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHAPES: tuple[str, ...] = ("circle", "square", "triangle", "star")

COLOURS: dict[str, tuple[int, int, int]] = {
    "blue": (0, 0, 255),
    "red": (220, 0, 0),
    "green": (0, 150, 0),
    "black": (0, 0, 0),
    "orange": (255, 140, 0),
}
"""RGB of each colour, on white. Every colour has a channel at 0, which tells how much of a pixel is covered."""

_STAR_INNER = 0.5  # distance of a star's inner corners from its centre, where its tips have the distance 1
_REACH = {
    "circle": 1.0,
    "square": float(np.sqrt(np.pi / 2)),
    "triangle": float(np.sqrt(4 * np.pi / np.sqrt(27))),
    "star": float(np.sqrt(np.pi / (5 * _STAR_INNER * np.sin(np.pi / 5)))),
}
_EXTENTS = {  # left, right, up, down, in units of the reach
    "circle": (1.0, 1.0, 1.0, 1.0),
    "square": (np.sqrt(0.5), np.sqrt(0.5), np.sqrt(0.5), np.sqrt(0.5)),
    "triangle": (np.sqrt(0.75), np.sqrt(0.75), 1.0, 0.5),
    "star": (np.sin(0.4 * np.pi), np.sin(0.4 * np.pi), 1.0, np.cos(0.2 * np.pi)),
}


def reach(shape: str) -> float:
    """Return the largest distance of a point of the shape from its centre, in units of the radius."""
    return _REACH[shape]


def extents(shape: str) -> NDArray[np.float64]:
    """Return how far an upright shape reaches to the left, right, up and down, in units of the radius: (4, 1)."""
    return np.array([[float(share) * _REACH[shape]] for share in _EXTENTS[shape]])


def signed_distance(
    shape: str,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    radius: NDArray[np.float32],
    angle: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the distance in px from points to the outline of a shape at the origin. It is negative inside.

    Every shape has the area of a circle with the radius `radius`, so the area does not tell the shape. The formulas are
    the exact 2-D distance functions by Inigo Quilez (https://iquilezles.org/articles/distfunctions2d/).

    Args:
        shape: one of `SHAPES`.
        x: float32, px to the right of the centre. All arrays are broadcast against one another.
        y: float32, px below the centre.
        radius: float32, px, the radius of the circle with the same area.
        angle: float32, radians. The shape is turned clockwise, as seen on the screen.
    """
    if shape == "circle":
        return np.asarray(np.sqrt(x * x + y * y) - radius, dtype=np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    across, down = cos * x + sin * y, cos * y - sin * x
    if shape == "square":
        half = radius * np.float32(np.sqrt(np.pi) / 2)
        dx, dy = np.abs(across) - half, np.abs(down) - half
        outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
        return np.asarray(outside + np.minimum(np.maximum(dx, dy), 0), dtype=np.float32)
    if shape == "triangle":
        root3 = np.float32(np.sqrt(3.0))
        half = radius * np.float32(np.sqrt(np.pi / np.sqrt(3.0)))
        px, py = np.abs(across) - half, -down + half / root3
        fold = px + root3 * py > 0
        px, py = np.where(fold, (px - root3 * py) / 2, px), np.where(fold, (-root3 * px - py) / 2, py)
        px = px - np.clip(px, -2 * half, 0)
        return np.asarray(-np.sqrt(px * px + py * py) * np.sign(py), dtype=np.float32)
    if shape == "star":
        tip = np.asarray(radius * np.float32(_REACH["star"]), np.float32)
        return _star(np.asarray(across, np.float32), np.asarray(-down, np.float32), tip=tip)
    raise ValueError(f"Unknown shape {shape!r}; known shapes: {', '.join(SHAPES)}.")


def _star(x: NDArray[np.float32], y: NDArray[np.float32], *, tip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance to a star with a tip at (0, `tip`), y up. Points are folded into half of one of its arms."""
    cos, sin = np.float32(np.cos(np.pi / 5)), np.float32(np.sin(np.pi / 5))
    x = np.abs(x)
    for across in (cos, -cos):
        fold = np.maximum(across * x - sin * y, np.float32(0)) * np.float32(2)
        x, y = x - across * fold, y + sin * fold
    x, y = np.abs(x), y - tip
    edge_x, edge_y = (
        np.float32(_STAR_INNER) * sin,
        np.float32(_STAR_INNER) * cos - 1,
    )  # from the tip to the inner corner
    along = np.clip((x * edge_x + y * edge_y) / (edge_x * edge_x + edge_y * edge_y), 0, tip)
    outside = np.sign(y * edge_x - x * edge_y)
    return np.asarray(np.hypot(x - edge_x * along, y - edge_y * along) * outside, dtype=np.float32)
