"""Handwritten digits of real people, as outlines that the renderer draws like its shapes.

The images are the 1,797 of scikit-learn's `load_digits` (E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten
Digits", UCI Machine Learning Repository, 1998), 8x8 pixels each. A pixel says how much of its square was ink, from 0 to
16. A digit's outline is the line on which the smoothly enlarged image has one value, so chosen that the area of the ink
stays the same. Every digit of one radius then has the same area, like every shape.

Every second image of each digit is for training. The others are for the clips that an evaluation compares with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Half = Literal["train", "test"]

DIGITS: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

WHITE: dict[str, tuple[int, int, int]] = {"white": (255, 255, 255)}
"""RGB of the only colour of digits, on black."""

REACH = 3.0
"""No digit reaches farther from its centroid, in units of its radius, along any axis."""
_CELLS = 96
"""Cells along each side of the square in which a digit's distances are stored. It spans `REACH` to all sides."""
_ENLARGED = 8
"""Pixels per pixel of the image, along each side, in which the outline is found."""
_SHARPENED = 0.5
"""How much the enlarged image is sharpened, so that the loops of a 6, 8 or 9 stay open."""
_WHOLE = 0.97
_LOWER = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""The line is drawn at such a share of the value until its largest part holds the share `_WHOLE` of the ink. Smaller
parts are left out."""
_MARGIN = 3
"""Empty pixels of the image that are added around it."""


@dataclass(frozen=True)
class Outlines:
    """The outlines of all images, in units of the digit's radius. The centroid is the origin, and y points down.

    Attributes:
        digits: int64 (K,), 0 to 9.
        distances: float32 (K, C, C), distance from the outline, negative inside, over a square from -REACH to REACH.
        extents: float64 (4, K), how far the digit reaches to the left, right, up and down.
    """

    digits: NDArray[np.int64]
    distances: NDArray[np.float32]
    extents: NDArray[np.float64]


@cache
def outlines() -> Outlines:
    """Return the outlines of all images. They are computed once per process, in a few seconds."""
    # It loads much of scikit-learn, so only worlds of digits import it.
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    found = load_digits()
    traced = [_traced(image) for image in found.images.astype(np.float32) / 16]
    return Outlines(
        digits=found.target.astype(np.int64),
        distances=np.stack([distances for distances, _ in traced]),
        extents=np.stack([extents for _, extents in traced], axis=1),
    )


def images_of(digit: str, half: Half) -> NDArray[np.int64]:
    """Return the numbers of the images of one half that show a digit, int64 (K,), ascending."""
    return np.flatnonzero(outlines().digits == DIGITS.index(digit))[0 if half == "train" else 1 :: 2]


def digit_distance(
    images: NDArray[np.int64],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    radius: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the distance in px from points to the outlines of digits at the origin. It is negative inside.

    Args:
        images: int64 (N,), numbers of the images.
        x: float32 (N, 1, W), px to the right of the centre.
        y: float32 (N, H, 1), px below the centre.
        radius: float32 (N, 1, 1), px, the radius of the circle with the same area.

    Returns:
        float32 (N, H, W).
    """
    cells = outlines().distances
    places, shares = [], []
    for line in (y, x):
        place = np.clip(
            (line / radius / np.float32(REACH) + 1) * np.float32(_CELLS / 2) - np.float32(0.5), 0, _CELLS - 1
        )
        first = np.minimum(place.astype(np.int64), _CELLS - 2)
        places.append(first)
        shares.append(place - first)
    (row, column), (down, right) = places, shares
    number = images[:, None, None]
    above = cells[number, row, column] * (1 - right) + cells[number, row, column + 1] * right
    below = cells[number, row + 1, column] * (1 - right) + cells[number, row + 1, column + 1] * right
    return np.asarray((above * (1 - down) + below * down) * radius, dtype=np.float32)


def _traced(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Distances (C, C) and extents (4,) of the digit in an image (8, 8) of coverage, 0 to 1."""
    import cv2  # Imported here because it is slow to load, and the command line needs only the names of the digits.

    padded = np.pad(image, _MARGIN)
    side = _ENLARGED * len(padded)
    enlarged = cv2.resize(padded, (side, side), interpolation=cv2.INTER_CUBIC)
    smooth = enlarged + _SHARPENED * (enlarged - cv2.GaussianBlur(enlarged, (0, 0), _ENLARGED))
    level = np.sort(smooth, axis=None)[-int(image.sum() * _ENLARGED**2)]
    for lower in _LOWER:
        _, labels, stats, _ = cv2.connectedComponentsWithStats((smooth >= lower * level).astype(np.uint8))
        areas = stats[1:, cv2.CC_STAT_AREA]
        if areas.max() >= _WHOLE * areas.sum():
            break
    inside = (labels == 1 + areas.argmax()).astype(np.uint8)
    outward = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inward = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = np.where(inside > 0, 0.5 - inward, outward - 0.5).astype(np.float32)
    radius = float(np.sqrt(inside.sum() / np.pi))
    y, x = np.nonzero(inside)
    step = 2 * REACH * radius / _CELLS  # enlarged pixels per cell
    first = (0.5 - _CELLS / 2) * step
    to_enlarged = np.array([[step, 0, x.mean() + first], [0, step, y.mean() + first]])
    cells = cv2.warpAffine(
        distance,
        to_enlarged,
        (_CELLS, _CELLS),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    extents = np.array([x.mean() - x.min(), x.max() - x.mean(), y.mean() - y.min(), y.max() - y.mean()]) + 0.5
    return (cells / np.float32(radius)).astype(np.float32), extents / radius
