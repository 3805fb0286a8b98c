"""The world `digits`: images of real digits, split into halves, as outlines of one area that stay in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from data.worlds.clips import make_clips, make_clips_for
from data.worlds.digits import DIGITS, images_of, outlines
from data.worlds.motions import ORBITS
from data.worlds.presets import digits_world
from data.worlds.prompts import parse_prompt
from data.worlds.splits import read_split
from data.worlds.splits.freeze import (
    DIGITS_WITHHELD,
    DIGITS_WITHHELD_FOR_VALIDATION,
    belongs_to,
    digits_split,
)
from data.worlds.world import WorldConfig

WORLD = digits_world()
SPLIT = read_split("digits")
PROMPTS = [prompt for members in WORLD.tiers.values() for prompt in members]


def images_in(clips) -> set[int]:
    return set(clips.objects[0].factors["image"].astype(int).tolist())


def test_each_image_belongs_to_one_half_of_its_digit() -> None:
    halves = [images_of(digit, half) for digit in DIGITS for half in ("train", "test")]
    assert sorted(np.concatenate(halves).tolist()) == list(range(1797))
    for digit in DIGITS:
        assert abs(len(images_of(digit, "train")) - len(images_of(digit, "test"))) <= 1


def test_training_clips_show_training_images_and_clips_of_given_prompts_show_test_images() -> None:
    train = np.concatenate([images_of(digit, "train") for digit in DIGITS])
    shown = images_in(make_clips(WORLD, seed=0, indices=range(300)))
    compared = images_in(make_clips_for(WORLD, prompts=PROMPTS, seed=0))
    assert len(shown) > 200
    assert shown <= set(train.tolist())
    assert not compared & set(train.tolist())


def test_each_clip_shows_an_image_of_its_digit() -> None:
    (drawn,) = make_clips(WORLD, seed=1, indices=range(200)).objects
    digits = outlines().digits[drawn.factors["image"].astype(int)]
    assert [DIGITS[digit] for digit in digits] == list(drawn.shapes)


def test_digits_are_white_on_black_and_as_large_as_their_radius_says() -> None:
    clips = make_clips_for(WORLD, prompts=PROMPTS, seed=2)
    assert (clips.frames == clips.frames[..., :1]).all()
    assert (clips.frames.max(axis=(2, 3, 4)) == 255).all()
    area = clips.frames[..., 0].sum(axis=(2, 3)) / 255
    inside = (clips.frames[:, :, [0, -1]].max(axis=(2, 3, 4)) == 0) & (
        clips.frames[:, :, :, [0, -1]].max(axis=(2, 3, 4)) == 0
    )
    assert inside.mean() > 0.95
    radii = clips.objects[0].radii
    np.testing.assert_allclose(area[inside], (np.pi * radii**2)[inside], rtol=0.03)


def test_the_centre_of_a_clip_is_the_centroid_of_its_digit() -> None:
    prompts = [f"{digit} zigzagging vertically" for digit in DIGITS]
    clips = make_clips_for(WORLD, prompts=prompts, seed=3)
    weights = clips.frames[..., 0].astype(np.float64)
    grid = np.arange(WORLD.frame_size)
    mass = weights.sum(axis=(2, 3))
    x, y = (weights.sum(axis=2) @ grid) / mass, (weights.sum(axis=3) @ grid) / mass
    np.testing.assert_allclose(np.stack([x, y], axis=-1), clips.objects[0].centres, atol=0.1)


def test_a_bouncing_digit_touches_the_border_and_never_crosses_it() -> None:
    clips = make_clips_for(WORLD, prompts=["three bouncing horizontally", "one bouncing vertically"] * 20, seed=4)
    (drawn,) = clips.objects
    for n, image in enumerate(drawn.factors["image"].astype(int)):
        axis = n % 2
        before, behind = outlines().extents[2 * axis : 2 * axis + 2, image]
        along, radii = drawn.centres[n, :, axis], drawn.radii[n]
        assert (along - before * radii >= -0.51).all()
        assert (along + behind * radii <= WORLD.frame_size - 0.49).all()


def test_a_clip_of_another_digit_with_the_same_seed_has_the_same_path() -> None:
    two, five = (make_clips_for(WORLD, prompts=[f"{digit} moving left"], seed=5) for digit in ("two", "five"))
    np.testing.assert_array_equal(two.objects[0].centres, five.objects[0].centres)
    assert (two.frames != five.frames).any()


def test_the_split_is_what_the_rules_make_and_holds_no_rotation() -> None:
    assert digits_split() == SPLIT
    motions = {parse_prompt(prompt)[0].motion for prompt in PROMPTS}
    assert not motions & set(ORBITS)


def test_no_combination_that_is_held_out_is_in_a_training_clip() -> None:
    held_out = {parse_prompt(prompt) for prompt in (*SPLIT.V3, *SPLIT.T2, *SPLIT.T3)}
    assert not held_out & {parse_prompt(prompt) for prompt in SPLIT.train}
    assert all(belongs_to(parse_prompt(prompt), DIGITS_WITHHELD) for prompt in SPLIT.T3)
    assert all(belongs_to(parse_prompt(prompt), DIGITS_WITHHELD_FOR_VALIDATION) for prompt in SPLIT.V3)
    assert not set(SPLIT.V3) & set(SPLIT.T3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shapes": ("seven", "circle")}, "not both"),
        ({"shapes": ("seven",), "colours": ("blue",)}, "unknown colour"),
        ({"shapes": ("circle",), "colours": ("white",)}, "unknown colour"),
        ({"shapes": ("seven",), "colours": ("white",), "laws": "tutorial"}, "no digits"),
    ],
)
def test_a_world_that_mixes_digits_with_something_else_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WorldConfig(**change)
