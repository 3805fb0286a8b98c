"""The worlds that have a name, apart from the default one."""

from __future__ import annotations

from data.worlds.digits import DIGITS, WHITE
from data.worlds.prompts import TUTORIAL_PHRASES
from data.worlds.ranges import MotionRanges
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.world import HeldOut, WorldConfig

VALIDATION_FOLDS = {"down": "down-right", "left": "up-left", "right": "down-right"}
"""Directions that a validation fold holds out alone (V2), each with the diagonal that it holds out as well (V1)."""


def validation_world(direction: str) -> WorldConfig:
    """The default world with another direction held out, for choosing recipes without reading the test prompts.

    It trains on the two phrases that the default world holds out, so it has as many training prompts. The direction is
    one of `VALIDATION_FOLDS`, and its word still occurs inside the names of diagonals, as "up" does by default.
    """
    held_out = (
        HeldOut(tier="V1", phrase=f"moving {VALIDATION_FOLDS[direction]}"),
        HeldOut(tier="V2", phrase=f"moving {direction}"),
    )
    everything = ("moving up", "moving up-right", *TUTORIAL_PHRASES)
    return WorldConfig(
        phrases=tuple(phrase for phrase in everything if phrase not in {item.phrase for item in held_out}),
        held_out=held_out,
    )


def pairs_world() -> WorldConfig:
    """Two objects of different colours in each clip. A model must learn which attributes belong to which object.

    The objects are smaller and farther apart than in `shapes`, so that both have room. Soft edges of two objects mix
    their colours, and no two of red, green and blue mix to the third.
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
    """Four shapes in five colours, large enough to be recognised at a glance. Whole families are held out.

    Paths are shorter than in the default world. The largest star is 35 px wide, and a motion can be recognised only
    while the shape is in the picture.
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


def digits_world() -> WorldConfig:
    """Handwritten digits, white on black: one image per clip, about 22 px high. Whole families are held out.

    Paths are short, so that digits stay in the picture. Digits do not rotate, because a 6 would become a 9.
    """
    return WorldConfig(
        shapes=DIGITS,
        colours=tuple(WHITE),
        split="digits",
        held_out=(),
        radius=(6.0, 8.0),
        ranges=MotionRanges(
            direction_offset=(-2.0, 2.0),
            direction_speed=(2.2, 3.0),
            size_offset=(-6.0, 6.0),
            size_large=(9.5, 10.8),
            size_small=(4.8, 5.6),
            bounce_offset=(-8.0, 8.0),
            bounce_speed=(5.0, 7.0),
            zigzag_offset=(-2.0, 2.0),
            zigzag_speed=(2.2, 3.0),
            zigzag_amplitude=(5.0, 7.0),
        ),
    )
