"""The renderer: shapes on white, anti-aliased, many frames at a time.

A frame is white except for one small window around the shape, so only the windows are computed: coverage
alpha = clip(0.5 - d, 0, 1) from the signed distance d in px, quantised to 8 bits, mixed between white and the colour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.shapes import COLOURS, reach, signed_distance


def render(
    *,
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    angles: NDArray[np.float64],
    shape: str,
    colour: str,
    frame_size: int,
) -> NDArray[np.uint8]:
    """Draw one shape a frame.

    Args:
        centres: (N, T, 2) as (x, y) in px, pixel centres at integers, y down; may lie outside the picture.
        radii: (N, T) px, of the circle of equal area.
        angles: (N, T) radians, clockwise.
        shape: one of `SHAPES`.
        colour: one of `COLOURS`.
        frame_size: side S of the picture in px.

    Returns:
        uint8 (N, T, S, S, 3), RGB.
    """
    clips, frames = radii.shape
    pictures = np.full((clips * frames, frame_size, frame_size, 3), 255, dtype=np.uint8)
    palette = _palette(colour)
    centres, radii, angles = centres.reshape(-1, 2), radii.reshape(-1), angles.reshape(-1)
    # Frames with equally wide windows go together: a growing shape's last frames need not widen everybody's window.
    half = np.ceil(radii * reach(shape) + 1).astype(np.int64)
    half = half + half % 2
    for width in np.unique(half):
        chosen = np.flatnonzero(half == width)
        for part in np.array_split(chosen, max(1, len(chosen) * (2 * width + 1) ** 2 // 400_000)):
            _draw(pictures, part, centres, radii, angles, shape=shape, palette=palette, half=int(width))
    return pictures.reshape(clips, frames, frame_size, frame_size, 3)


def _palette(colour: str) -> NDArray[np.void]:
    coverage = np.arange(256)[:, None] / 255.0
    mixed = np.rint(255 + coverage * (np.array(COLOURS[colour]) - 255)).astype(np.uint8)
    return np.ascontiguousarray(mixed).view("V3")[:, 0]


def _draw(
    pictures: NDArray[np.uint8],
    part: NDArray[np.int64],
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    angles: NDArray[np.float64],
    *,
    shape: str,
    palette: NDArray[np.void],
    half: int,
) -> None:
    size = pictures.shape[1]
    corner = np.rint(centres[part]).astype(np.int64) - half
    seen = np.all((corner + 2 * half >= 0) & (corner < size), axis=1)
    part, corner = part[seen], corner[seen]
    offsets = np.arange(2 * half + 1)
    shift = (corner - centres[part]).astype(np.float32)
    distance = signed_distance(
        shape,
        (shift[:, 0, None] + offsets.astype(np.float32))[:, None, :],
        (shift[:, 1, None] + offsets.astype(np.float32))[:, :, None],
        radius=radii[part].astype(np.float32)[:, None, None],
        angle=angles[part].astype(np.float32)[:, None, None],
    )
    coverage = np.rint(255 * np.clip(np.float32(0.5) - distance, 0, 1)).astype(np.uint8)  # (F, w, w)
    windows = palette[coverage]
    rows, columns = corner[:, 1, None] + offsets, corner[:, 0, None] + offsets
    at = ((part[:, None] * size + rows) * size)[:, :, None] + columns[:, None, :]
    canvas = pictures.reshape(-1, 3).view("V3")[:, 0]
    whole = np.all((corner >= 0) & (corner + 2 * half < size), axis=1)
    canvas[at[whole]] = windows[whole]
    if not whole.all():
        cut = ~whole
        inside = ((rows[cut] >= 0) & (rows[cut] < size))[:, :, None] & ((columns[cut] >= 0) & (columns[cut] < size))[
            :, None, :
        ]
        canvas[at[cut][inside]] = windows[cut][inside]
