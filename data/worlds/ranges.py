"""The ranges from which places, speeds and sizes are drawn uniformly."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"a range is two numbers, the lower one first, not {bounds[0]:g} and {bounds[1]:g}")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class MotionRanges(BaseModel):
    """The lowest and highest value of each draw. Lengths are px of a 64x64 picture and scale with the frame size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction_offset: Range = Field(
        (-9.0, 9.0), description="Distance of the middle of a straight path from the centre, px per axis."
    )
    direction_speed: Range = Field((3.0, 5.0), description="Speed on a straight path, px per frame and axis.")
    orbit_radius: Range = Field((14.0, 20.0), description="Distance of a rotating shape from the centre, px.")
    orbit_angular_speed: Range = Field((12.0, 20.0), description="Speed of rotation, degrees per frame.")
    size_offset: Range = Field(
        (-12.0, 12.0), description="Distance of a shape that changes its size from the centre, px per axis."
    )
    size_large: Range = Field((9.0, 12.0), description="Radius at the large end of shrinking and expanding, px.")
    size_small: Range = Field((3.0, 4.5), description="Radius at the small end, px.")
    bounce_offset: Range = Field((-12.0, 12.0), description="Distance from the centre across the axis of bouncing, px.")
    bounce_speed: Range = Field((7.0, 9.0), description="Speed of bouncing, px per frame.")
    zigzag_offset: Range = Field(
        (-9.0, 9.0), description="Distance of the middle of a zigzag from the centre, px per axis."
    )
    zigzag_speed: Range = Field((3.0, 5.0), description="Speed of a zigzag along its axis, px per frame.")
    zigzag_amplitude: Range = Field((6.0, 9.0), description="Amplitude of a zigzag across its axis, px.")
