"""The renderer: it draws anti-aliased shapes on white, or digits on black, many frames at a time.

A frame is empty outside a small window around the shape, so only the windows are computed. The coverage of a pixel is
alpha = clip(0.5 - d, 0, 1), with the signed distance d in px. It is rounded to 8 bits and mixes background and colour.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from data.worlds.digits import REACH, WHITE, digit_distance
from data.worlds.shapes import COLOURS, reach, signed_distance

Floats = NDArray[np.float32] | NDArray[np.float64]


def render(
    *,
    centres: Floats,
    radii: Floats,
    angles: Floats,
    shape: str,
    colour: str,
    frame_size: int,
    images: NDArray[np.int64] | None = None,
) -> NDArray[np.uint8]:
    """Draw one shape per frame.

    Args:
        centres: (N, T, 2), (x, y) in px. y points down, pixel centres are at integers. A centre can lie outside the
            picture.
        radii: (N, T), px, the radii of circles with the same area.
        angles: (N, T), radians, clockwise.
        shape: one of `SHAPES`, or a digit.
        colour: one of `COLOURS`.
        frame_size: side S of the picture in px.
        images: (N,), for digits: the numbers of their images. They are drawn upright, in white on black.

    Returns:
        uint8 (N, T, S, S, 3), RGB. It is a view of colour planes: `.transpose(0, 1, 4, 2, 3)` is contiguous.
    """
    clips, frames = radii.shape
    ground, rgb, widest = (255, COLOURS[colour], reach(shape)) if images is None else (0, WHITE[colour], REACH)
    planes = np.full((clips * frames, 3, frame_size, frame_size), ground, dtype=np.uint8)
    coverage = np.arange(256)[:, None] / 255.0
    palette = np.rint(ground + coverage * (np.array(rgb) - ground)).astype(np.uint8)  # (256, 3)
    images = None if images is None else images.repeat(frames)
    centres, radii, angles = centres.reshape(-1, 2), radii.reshape(-1), angles.reshape(-1)
    # Frames are grouped by the width of their windows, so that one large shape does not widen the windows of all.
    half = 4 * np.ceil((radii * widest + 1) / 4).astype(np.int64)
    for width in np.unique(half):
        chosen = np.flatnonzero(half == width)
        for part in np.array_split(chosen, max(1, len(chosen) * (2 * width + 1) ** 2 // 400_000)):
            _draw(planes, part, centres, radii, angles, images, shape=shape, palette=palette, half=int(width))
    return planes.reshape(clips, frames, 3, frame_size, frame_size).transpose(0, 1, 3, 4, 2)


def _draw(
    planes: NDArray[np.uint8],
    part: NDArray[np.int64],
    centres: Floats,
    radii: Floats,
    angles: Floats,
    images: NDArray[np.int64] | None,
    *,
    shape: str,
    palette: NDArray[np.uint8],
    half: int,
) -> None:
    size, side = planes.shape[-1], 2 * half + 1
    corner = np.rint(centres[part]).astype(np.int64) - half
    seen = np.all((corner + 2 * half >= 0) & (corner < size), axis=1)
    part, corner = part[seen], corner[seen]
    offsets = np.arange(side, dtype=np.float32)
    shift = (corner - centres[part]).astype(np.float32)
    x, y = (shift[:, 0, None] + offsets)[:, None, :], (shift[:, 1, None] + offsets)[:, :, None]
    radius, angle = (values[part].astype(np.float32)[:, None, None] for values in (radii, angles))
    if images is None:
        distance = signed_distance(shape, x, y, radius=radius, angle=angle)
    else:
        distance = digit_distance(images[part], x, y, radius=radius)
    coverage = _coverage(distance)
    whole = np.all((corner >= 0) & (corner + 2 * half < size), axis=1) & (side <= size)
    cut, uncut = np.flatnonzero(~whole), np.flatnonzero(whole)
    windows: dict[int, NDArray[np.uint8]] = {}
    for channel in range(3):
        full = int(palette[255, channel])
        if full == palette[0, channel]:
            continue  # this plane stays as empty as the background
        if full not in windows:
            windows[full] = np.take(palette[:, channel], coverage)
        drawn, plane = windows[full], planes[:, channel]
        if uncut.size:
            places = sliding_window_view(plane, (side, side), axis=(1, 2), writeable=True)
            places[part[uncut], corner[uncut, 1], corner[uncut, 0]] = drawn[uncut]
        for number in cut.tolist():
            left, top = corner[number].tolist()
            inside = plane[part[number], max(top, 0) : top + side, max(left, 0) : left + side]
            height, width = inside.shape
            inside[...] = drawn[number, max(-top, 0) :, max(-left, 0) :][:height, :width]


def _coverage(distance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the coverage in units of 1/255, uint8. The distance, in px, is overwritten."""
    alpha = np.subtract(np.float32(0.5), distance, out=distance)
    np.clip(alpha, 0, 1, out=alpha)
    alpha *= np.float32(255)
    return np.rint(alpha, out=alpha).astype(np.uint8)
