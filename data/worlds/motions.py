"""The sixteen motions: the factors that each one draws, and the path that follows from them.

Lengths are in px of a 64x64 picture and scale with the frame size. x points right and y points down. Pixel centres are
at integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.worlds.ranges import MotionRanges

Floats = NDArray[np.float64]

DIRECTIONS: dict[str, tuple[int, int]] = {
    "up": (0, -1),
    "down": (0, 1),
    "left": (-1, 0),
    "right": (1, 0),
    "up-right": (1, -1),
    "up-left": (-1, -1),
    "down-right": (1, 1),
    "down-left": (-1, 1),
}
"""Unit step (x, y) of each direction. y points down."""

ORBITS: dict[str, int] = {"clockwise": 1, "counter-clockwise": -1}
SIZES: tuple[str, ...] = ("shrinking", "expanding")
BOUNCES: dict[str, int] = {"bounce-horizontal": 0, "bounce-vertical": 1}
"""The axis along which the shape bounces: 0 is x, 1 is y."""
ZIGZAGS: dict[str, int] = {"zigzag-horizontal": 0, "zigzag-vertical": 1}
"""The axis along which the shape advances. The other coordinate follows a triangle wave."""

MOTIONS: tuple[str, ...] = (*DIRECTIONS, *ORBITS, *SIZES, *BOUNCES, *ZIGZAGS)

ZIGZAG_PERIOD = 4.0
"""Frames in one period of the triangle wave."""

FACTORS: tuple[str, ...] = (
    "radius",
    "x",
    "y",
    "speed",
    "sign",
    "phase",
    "amplitude",
    "orbit_radius",
    "start_angle",
    "angular_speed",
    "radius_start",
    "radius_end",
    "image",
)
"""Everything that a clip can draw. The image is the number of a digit's image in `data.worlds.digits`.
Each factor has its own column of random numbers, so they do not interfere."""


@dataclass(frozen=True)
class Path:
    """Where a shape is: centres (N, T, 2), (x, y) in px; radii (N, T), px; angles (N, T), radians. All are float64."""

    centres: Floats
    radii: Floats
    angles: Floats

    def rows(self, chosen: NDArray[np.int64]) -> Path:
        """Return the paths of some of the clips."""
        return Path(self.centres[chosen], self.radii[chosen], self.angles[chosen])


def triangle_wave(phase: Floats) -> Floats:
    """Return a triangle wave with period 1 and range [-1, 1]. It is -1 at phase 0 and +1 at phase 0.5."""
    return 1 - 4 * np.abs((phase % 1.0) - 0.5)


def reflect(position: Floats, *, low: Floats, high: Floats) -> Floats:
    """Fold `position` into [low, high], as if it bounced elastically off both ends."""
    span = high - low
    folded = (position - low) % (2 * span)
    return low + np.where(folded > span, 2 * span - folded, folded)


def bounce_limits(axis: int, extents: Floats, radius: Floats, *, frame_size: int) -> tuple[Floats, Floats]:
    """Return the lowest and highest coordinate of the centre. There the side of the object touches the border.

    Args:
        axis: 0 is x, 1 is y.
        extents: (4, ...), how far the object reaches to the left, right, up and down, in units of the radius.
        radius: px, an array of any shape.
        frame_size: side of the picture in px. The picture spans -0.5 to frame_size - 0.5.
    """
    before, behind = extents[2 * axis : 2 * axis + 2]
    return before * radius - 0.5, frame_size - 0.5 - behind * radius


def draw_factors(
    motion: str,
    uniforms: Floats,
    *,
    extents: Floats,
    frame_size: int,
    radius: tuple[float, float],
    ranges: MotionRanges,
) -> dict[str, Floats]:
    """Turn uniform random numbers into the factors of `motion`.

    Args:
        motion: one of `MOTIONS`.
        uniforms: float64 (N, len(FACTORS)) in [0, 1), one column per factor.
        extents: (4, N) or (4, 1), how far the objects reach to the left, right, up and down, in units of the radius. It
            decides how near to the border a bouncing object can start.
        frame_size: side of the picture in px. All lengths scale with frame_size / 64.
        radius: range of the radius in px of a 64x64 picture, for motions that do not change the size.
        ranges: the ranges of all other factors.

    Returns:
        float64 (N,) for each factor that the motion uses, apart from the image. They are in px, px per
        frame or radians of the actual picture.
    """
    scale, centre = frame_size / 64.0, (frame_size - 1) / 2.0
    slowest, fastest = np.deg2rad(ranges.orbit_angular_speed)
    column = {name: uniforms[:, number] for number, name in enumerate(FACTORS)}

    def between(name: str, bounds: tuple[float, float]) -> Floats:
        return bounds[0] + (bounds[1] - bounds[0]) * column[name]

    def length(name: str, bounds: tuple[float, float]) -> Floats:
        return scale * between(name, bounds)

    def place(bounds: tuple[float, float]) -> dict[str, Floats]:
        return {"x": centre + length("x", bounds), "y": centre + length("y", bounds)}

    sign = np.where(column["sign"] < 0.5, -1.0, 1.0)
    if motion in DIRECTIONS:
        speed = length("speed", ranges.direction_speed)
        return {"radius": length("radius", radius), **place(ranges.direction_offset), "speed": speed}
    if motion in ORBITS:
        return {
            "radius": length("radius", radius),
            "orbit_radius": length("orbit_radius", ranges.orbit_radius),
            "start_angle": between("start_angle", (0.0, 2 * np.pi)),
            "angular_speed": between("angular_speed", (slowest, fastest)),
        }
    if motion in SIZES:
        first, last = size_ranges(motion, ranges)
        return {
            **place(ranges.size_offset),
            "radius_start": length("radius_start", first),
            "radius_end": length("radius_end", last),
        }
    if motion in BOUNCES:
        size = length("radius", radius)
        low, high = bounce_limits(BOUNCES[motion], extents, size, frame_size=frame_size)
        across, along = ("y", "x") if BOUNCES[motion] == 0 else ("x", "y")
        return {
            "radius": size,
            across: centre + length(across, ranges.bounce_offset),
            along: low + (high - low) * column[along],
            "speed": length("speed", ranges.bounce_speed),
            "sign": sign,
        }
    if motion in ZIGZAGS:
        return {
            "radius": length("radius", radius),
            **place(ranges.zigzag_offset),
            "speed": length("speed", ranges.zigzag_speed),
            "sign": sign,
            "amplitude": length("amplitude", ranges.zigzag_amplitude),
            "phase": column["phase"],
        }
    raise ValueError(f"Unknown motion {motion!r}; known motions: {', '.join(MOTIONS)}.")


def size_ranges(motion: str, ranges: MotionRanges) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of the radius in the first and the last frame, for a motion in `SIZES`."""
    large, small = ranges.size_large, ranges.size_small
    return (large, small) if motion == "shrinking" else (small, large)


def path_of(motion: str, factors: Mapping[str, Floats], *, extents: Floats, frame_size: int, frames: int) -> Path:
    """Return the path that follows from the factors that `draw_factors` returned for the same motion and extents."""
    count = len(next(iter(factors.values())))
    time = np.arange(frames, dtype=np.float64)[None, :]
    middle = time - (frames - 1) / 2.0
    still = np.zeros((count, frames))

    def row(name: str) -> Floats:
        return factors[name][:, None]

    def path(x: Floats, y: Floats, *, radii: Floats | None = None, angles: Floats | None = None) -> Path:
        centres = np.stack(np.broadcast_arrays(x + still, y + still), axis=-1)
        return Path(
            centres=centres,
            radii=np.broadcast_to(row("radius"), still.shape) if radii is None else radii,
            angles=still if angles is None else angles,
        )

    if motion in DIRECTIONS:
        step_x, step_y = DIRECTIONS[motion]
        return path(row("x") + middle * step_x * row("speed"), row("y") + middle * step_y * row("speed"))
    if motion in ORBITS:
        turned = ORBITS[motion] * row("angular_speed") * time
        angle, centre = row("start_angle") + turned, (frame_size - 1) / 2.0
        return path(
            centre + row("orbit_radius") * np.cos(angle), centre + row("orbit_radius") * np.sin(angle), angles=turned
        )
    if motion in SIZES:
        share = time / max(frames - 1, 1)
        radii = row("radius_start") * (1 - share) + row("radius_end") * share
        return path(row("x"), row("y"), radii=radii)
    if motion in BOUNCES:
        names = ("x", "y") if BOUNCES[motion] == 0 else ("y", "x")
        low, high = bounce_limits(BOUNCES[motion], extents[..., None], row("radius"), frame_size=frame_size)
        along = reflect(row(names[0]) + row("sign") * row("speed") * time, low=low, high=high)
        return _on_axis(path, BOUNCES[motion], along, row(names[1]))
    if motion in ZIGZAGS:
        names = ("x", "y") if ZIGZAGS[motion] == 0 else ("y", "x")
        along = row(names[0]) + row("sign") * row("speed") * middle
        across = row(names[1]) + row("amplitude") * triangle_wave(row("phase") + time / ZIGZAG_PERIOD)
        return _on_axis(path, ZIGZAGS[motion], along, across)
    raise ValueError(f"Unknown motion {motion!r}; known motions: {', '.join(MOTIONS)}.")


def _on_axis(path: Callable[..., Path], axis: int, along: Floats, across: Floats) -> Path:
    return path(along, across) if axis == 0 else path(across, along)
