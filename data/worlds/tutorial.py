"""The clips of the tutorial as published. Start, size and speed never vary, so there are only twelve distinct clips.

They follow the notebook of "Building an AI Text-to-Video Model from Scratch Using Python"
(github.com/FareedKhan-dev/AI-text-to-video-model-from-scratch). Pillow draws a blue circle with a radius of 5 px, which
moves 5 px per frame.

* The listing in the tutorial's text never draws the circle, so the notebook is followed.
* The notebook has no branch for the phrases `shrinking` and `expanding`: the circle stays in the middle.
* The notebook's last loop writes the pictures with OpenCV, which swaps red and blue. Here the circle stays blue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.worlds.motions import BOUNCES, DIRECTIONS, ORBITS, ZIGZAGS

RADIUS, STEP = 5, 5
"""Radius in px and speed in px per frame. Neither scales with the frame size."""
_WHITE, _BLUE = (255, 255, 255), (0, 0, 255)
_DEGREES = 10  # the picture is turned by so much per frame


def tutorial_centre(motion: str, frame: int, *, frame_size: int) -> tuple[int, int]:
    """Return where the circle is in a frame: (x, y) in px, y pointing down.

    Straight paths wrap around at the border. A bounce runs from the border to the middle and back. A zigzag jumps back
    and forth on its own axis, farther each time, and leaves the picture.

    Args:
        motion: one of `data.worlds.motions.MOTIONS`.
        frame: 0 or more.
        frame_size: side of the picture in px.
    """
    middle, moved = frame_size // 2, STEP * frame
    if motion in DIRECTIONS:
        across, down = DIRECTIONS[motion]
        return (middle + across * moved) % frame_size, (middle + down * moved) % frame_size
    if motion in BOUNCES:
        place = middle - abs(moved % frame_size - middle)
        return (place, middle) if BOUNCES[motion] == 0 else (middle, place)
    if motion in ZIGZAGS:
        place = middle + (1 if frame % 2 else -1) * (moved % frame_size)
        return (place, middle) if ZIGZAGS[motion] == 0 else (middle, place)
    return middle, middle


def tutorial_frame(motion: str, frame: int, *, frame_size: int) -> NDArray[np.uint8]:
    """Draw a frame as the tutorial does, without anti-aliasing: uint8 (S, S, 3), RGB. See `tutorial_centre`."""
    picture = Image.new("RGB", (frame_size, frame_size), color=_WHITE)
    x, y = tutorial_centre(motion, frame, frame_size=frame_size)
    if motion in ORBITS:  # the picture is turned before the circle is drawn, so nothing changes
        picture = picture.rotate(ORBITS[motion] * _DEGREES * frame, center=(x, y), fillcolor=_WHITE)
    ImageDraw.Draw(picture).ellipse([x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS], fill=_BLUE)
    return np.array(picture)


def tutorial_path(motion: str, *, frames: int, frame_size: int) -> NDArray[np.float32]:
    """Return where the circle is in each frame: float32 (T, 2), (x, y) in px."""
    return np.array([tutorial_centre(motion, frame, frame_size=frame_size) for frame in range(frames)], np.float32)


def tutorial_planes(motion: str, *, frames: int, frame_size: int) -> NDArray[np.uint8]:
    """Draw the only clip of a motion: uint8 (T, 3, S, S)."""
    pictures = np.stack([tutorial_frame(motion, frame, frame_size=frame_size) for frame in range(frames)])
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
