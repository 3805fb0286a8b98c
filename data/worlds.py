"""The worlds that have a name."""

from __future__ import annotations

from data.ranges import MotionRanges
from data.shapes import COLOURS, SHAPES
from data.world import WorldConfig


def shapes_world() -> WorldConfig:
    """Four shapes in five colours, large enough to be told apart at a glance; whole families of them are never seen.

    Paths are shorter than in the default world: the largest star is 35 px wide, and a motion can only be told while the
    shape is in the picture.
    """
    return WorldConfig(
        shapes=SHAPES,
        colours=tuple(COLOURS),
        split="shapes",
        held_out=(),
        radius=(8.0, 12.0),
        ranges=MotionRanges(
            direction_offset=(-4.0, 4.0),
            direction_speed=(3.0, 4.0),
            orbit_radius=(10.0, 14.0),
            size_offset=(-8.0, 8.0),
            size_large=(11.0, 13.0),
            size_small=(5.0, 7.0),
            zigzag_offset=(-3.0, 3.0),
            zigzag_speed=(3.0, 4.0),
        ),
    )
