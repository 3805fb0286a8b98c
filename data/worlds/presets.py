"""The worlds that have a name."""

from __future__ import annotations

from data.worlds.ranges import MotionRanges
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.world import WorldConfig


def pairs_world() -> WorldConfig:
    """Two objects of different colours in each clip; which attributes belong together is what prompts tell apart.

    Objects are smaller and their places farther apart than in `shapes`, so that both have room. Red, green and blue
    are three colours of which no two mix to the third, where soft edges of two objects meet.
    """
    return WorldConfig(
        shapes=SHAPES,
        colours=("blue", "red", "green"),
        split="pairs",
        held_out=(),
        radius=(6.5, 8.5),
        ranges=MotionRanges(
            direction_offset=(-12.0, 12.0),
            direction_speed=(2.5, 3.5),
            orbit_radius=(13.0, 18.0),
            bounce_offset=(-16.0, 16.0),
            bounce_speed=(5.0, 7.0),
        ),
    )


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
