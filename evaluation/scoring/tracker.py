"""Follows the largest blob of ink through each clip. It sees pixels only.

The background is white, so the *ink* of a pixel is its largest distance from white over the three channels, 0 to 255.
Every colour of the palette has a channel at 0, so full coverage is 255 ink in every colour. The ink of a pixel on a
soft edge is in proportion to the part that the shape covers. Ink below a tenth is called haze and is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

HALF_COVERAGE = 128
"""A pixel with at least this much ink (0-255) belongs to the shape."""
HAZE = 26
"""A pixel with less ink (0-255) than this counts as background."""
SPECK = 0.1
"""Blobs smaller than this fraction of the largest blob are ignored."""
WHOLE_AREA = 0.9
"""A blob that touches the border or another object is whole if it has this fraction of the clip's median free area."""
_CLIPS_AT_ONCE = 64


@dataclass(frozen=True)
class Tracks:
    """What the tracker saw in N clips of T frames. Lengths are px, pixel centres are at integers, and y points down.

    Attributes:
        centroids: float64 (N, T, 2), x and y of the largest blob's centroid, weighted by ink. NaN in frames without a
            blob.
        areas: float64 (N, T), area of the largest blob in px^2, weighted by ink. 0 without a blob.
        blobs: int64 (N, T), number of blobs that are not specks.
        whole: bool (N, T), the largest blob is fully inside the picture and nothing hides it.
        clear: bool (N, T), the largest blob touches neither the border nor another object.
        beside: bool (N, T), another object touches the largest blob.
        colours: float64 (N, T, 3), mean RGB (0-255) of the largest blob's inside, without its edge of 1 px. NaN if it
            has no inside.
        stains: float64 (N, T), RMS distance in RGB (0-442) of the pixels inside the largest blob from their mean. NaN
            if it has no inside.
        masks: bool (N, T, S, S), the pixels of the largest blob. If another object touches it and may cut it into
            pieces, all pixels of the object's colour.
        cutouts: uint8 (N, T, K, K), ink around the largest blob, everything else is 0. K is odd.
        origins: int64 (N, T, 2), x and y of ``cutouts[..., 0, 0]`` in the frame. They may be negative.
        frame_size: side of the frame in px.
    """

    centroids: NDArray[np.float64]
    areas: NDArray[np.float64]
    blobs: NDArray[np.int64]
    whole: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    beside: NDArray[np.bool_]
    colours: NDArray[np.float64]
    stains: NDArray[np.float64]
    masks: NDArray[np.bool_]
    cutouts: NDArray[np.uint8]
    origins: NDArray[np.int64]
    frame_size: int

    def rows(self, chosen: NDArray[np.int64]) -> Tracks:
        """The tracks of the clips with these indices."""
        values = {name: value[chosen] for name, value in vars(self).items() if name != "frame_size"}
        return Tracks(**values, frame_size=self.frame_size)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """bool (N, T): the frame shows a blob."""
        return self.blobs > 0

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """bool (N, T): another object touches the largest blob, and part of the blob is missing."""
        return self.beside & ~self.whole

    @property
    def radii(self) -> NDArray[np.float64]:
        """float64 (N, T): radius in px of the circle with the blob's area."""
        return np.sqrt(self.areas / np.pi)


def ink_of(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ink of RGB frames, uint8 (..., H, W, 3) to uint8 (..., H, W): 255 at full coverage, 0 on white."""
    darkest = np.minimum(np.minimum(frames[..., 0], frames[..., 1]), frames[..., 2])
    return np.subtract(255, darkest, dtype=np.uint8)


def check_frames(frames: NDArray[np.uint8]) -> None:
    """Raise ``ValueError`` unless frames are uint8 (N, T, S, S, 3) with T >= 2."""
    if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3 or frames.shape[2] != frames.shape[3]:
        raise ValueError(f"clips must be uint8 (N, T, S, S, 3) with square frames, not {frames.dtype} {frames.shape}")
    if frames.shape[1] < 2:
        raise ValueError(f"a clip needs at least 2 frames to have a motion, these have {frames.shape[1]}")


def track(frames: NDArray[np.uint8], *, others: NDArray[np.bool_] | None = None, solid: int = HALF_COVERAGE) -> Tracks:
    """Follow the largest blob of ink through every clip.

    Args:
        frames: uint8 (N, T, S, S, 3), RGB on white.
        others: bool (N, T, S, S), pixels of other objects, which may hide the blob.
        solid: pixels with at least this much ink (0-255) belong to a blob.

    Returns:
        The tracks of all clips.

    Raises:
        ValueError: frames have another shape or type.
    """
    check_frames(frames)
    size = frames.shape[2]
    clips = len(frames)
    parts = [
        _track_frames(
            frames[some].reshape(-1, size, size, 3),
            None if others is None else others[some].reshape(-1, size, size),
            solid,
        )
        for some in (slice(first, first + _CLIPS_AT_ONCE) for first in range(0, max(clips, 1), _CLIPS_AT_ONCE))
    ]
    centroids, areas, blobs, touching, beside, colours, stains, masks, cutouts, origins = (
        np.concatenate([part[k] for part in parts]).reshape(clips, frames.shape[1], *parts[0][k].shape[1:])
        for k in range(10)
    )
    free = (blobs > 0) & ~touching & ~beside
    free_area = np.full(clips, np.inf)  # stays infinite if the blob is never free
    free_area[free.any(axis=1)] = np.nanmedian(np.where(free, areas, np.nan)[free.any(axis=1)], axis=1)
    if others is not None:
        # Two objects may touch in all frames. Then the largest blob of the clip is taken for a whole one.
        largest = np.where(touching, 0.0, areas).max(axis=1, initial=0.0)
        free_area = np.where(np.isinf(free_area) & (largest > 0), largest, free_area)
    whole = free | ((touching | beside) & (blobs > 0) & (areas >= WHOLE_AREA * free_area[:, None]))
    return Tracks(centroids, areas, blobs, whole, free, beside, colours, stains, masks, cutouts, origins, size)


def _track_frames(
    frames: NDArray[np.uint8], others: NDArray[np.bool_] | None, solid: int
) -> tuple[NDArray[np.generic], ...]:
    """Track F single frames, uint8 (F, S, S, 3). Returns the ten arrays that ``track`` unpacks, with F in front."""
    count, size = frames.shape[0], frames.shape[1]
    ink = ink_of(frames)
    # The frames are stacked on top of each other, so that one call labels them all. A blank row separates them.
    stacked = np.zeros((count, size + 1, size), np.uint8)
    stacked[:, :size] = ink >= solid
    _, labels, stats, _ = cv2.connectedComponentsWithStats(stacked.reshape(-1, size), connectivity=8)
    stats = stats[1:].astype(np.int64)  # drop the background
    owner = stats[:, cv2.CC_STAT_TOP] // (size + 1)
    area = stats[:, cv2.CC_STAT_AREA]

    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, owner, area)
    blobs = np.bincount(owner[area >= SPECK * largest[owner]], minlength=count).astype(np.int64)
    main = np.full(count, -1, np.int64)
    winners = np.flatnonzero(area == largest[owner])[::-1]
    main[owner[winners]] = winners
    seen = main >= 0

    box = np.zeros((count, 4), np.int64)  # left, top, right, bottom; right and bottom are exclusive
    chosen = stats[main[seen]]
    box[seen, 0] = chosen[:, cv2.CC_STAT_LEFT]
    box[seen, 1] = chosen[:, cv2.CC_STAT_TOP] - np.flatnonzero(seen) * (size + 1)
    box[seen, 2] = box[seen, 0] + chosen[:, cv2.CC_STAT_WIDTH]
    box[seen, 3] = box[seen, 1] + chosen[:, cv2.CC_STAT_HEIGHT]
    touching = (box[:, :2] <= 0).any(axis=1) | (box[:, 2:] >= size).any(axis=1)

    # Moments of the ink in the blob's box, with a margin of 2 px for the soft edge.
    grid = np.arange(size)
    margin = 2
    in_x = ((grid >= box[:, :1] - margin) & (grid < box[:, 2:3] + margin) & seen[:, None]).astype(np.float32)
    in_y = ((grid >= box[:, 1:2] - margin) & (grid < box[:, 3:4] + margin) & seen[:, None]).astype(np.float32)
    ink[ink < HAZE] = 0
    weights = np.stack([in_x, in_x * grid.astype(np.float32)], axis=-1)  # (F, S, 2)
    rows = np.matmul(ink.astype(np.float32), weights).astype(
        np.float64
    )  # (F, S, 2): sums of ink and of ink * x per row
    mass = (rows[..., 0] * in_y).sum(axis=1)
    safe = np.where(mass > 0, mass, 1.0)
    x = np.where(mass > 0, (rows[..., 1] * in_y).sum(axis=1) / safe, np.nan)
    y = np.where(mass > 0, (rows[..., 0] * in_y * grid).sum(axis=1) / safe, np.nan)
    centroids = np.stack([x, y], axis=-1)

    masks = (labels.reshape(count, size + 1, size)[:, :size] == main[:, None, None] + 1) & seen[:, None, None]
    colours, stains = _colours(frames, masks)
    half = (size + 2) // 3  # the largest triangle reaches 0.29 of the frame's side
    centre = np.where(seen[:, None], np.rint(np.nan_to_num(centroids)), 0).astype(np.int64)
    origins = centre - half
    cutouts = _cut(ink, origins, 2 * half + 1, box, margin)
    beside = np.zeros(count, np.bool_)
    if others is not None:
        beside = np.asarray((dilated(masks, 2) & others).any(axis=(1, 2)))
        masks |= beside[:, None, None] & (ink >= HALF_COVERAGE)
    return centroids, mass / 255.0, blobs, touching, beside, colours, stains, masks, cutouts, origins


def dilated(masks: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Masks (..., S, S), extended by so many pixels in all eight directions."""
    square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    flat = masks.reshape(-1, *masks.shape[-2:]).view(np.uint8)
    grown = np.stack([cv2.dilate(frame, square) for frame in flat]) if len(flat) else flat
    return grown.view(np.bool_).reshape(masks.shape)


def _colours(frames: NDArray[np.uint8], masks: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean RGB inside each frame's main blob, float64 (F, 3), and the RMS distance of its pixels from it, (F,)."""
    inside = ~dilated(~masks, 1)
    frame, y, x = np.nonzero(inside)
    pixels = frames[frame, y, x].astype(np.float64)
    number = np.bincount(frame, minlength=len(frames))

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.stack([np.bincount(frame, column, minlength=len(frames)) for column in values.T], axis=-1)
        return np.where(number[:, None] > 0, total / np.maximum(number, 1)[:, None], np.nan)

    colours = mean(pixels)
    variances = mean((pixels - colours[frame]) ** 2)
    return colours, np.sqrt(variances.sum(axis=-1))


def _cut(
    ink: NDArray[np.uint8], origins: NDArray[np.int64], side: int, box: NDArray[np.int64], margin: int
) -> NDArray[np.uint8]:
    """Windows of ink, uint8 (F, side, side), 0 outside the frame and outside the blob's box with its margin."""
    count, size = ink.shape[0], ink.shape[1]
    x = origins[:, :1] + np.arange(side)
    y = origins[:, 1:] + np.arange(side)
    good_x = (x >= np.maximum(box[:, :1] - margin, 0)) & (x < np.minimum(box[:, 2:3] + margin, size))
    good_y = (y >= np.maximum(box[:, 1:2] - margin, 0)) & (y < np.minimum(box[:, 3:4] + margin, size))
    x, y = x.clip(0, size - 1), y.clip(0, size - 1)
    window = ink[np.arange(count)[:, None, None], y[:, :, None], x[:, None, :]]
    window *= good_y[:, :, None] & good_x[:, None, :]
    return np.asarray(window)
