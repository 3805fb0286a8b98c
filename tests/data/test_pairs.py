"""Two objects in one clip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.captions import PromptError, tokenize
from data.worlds.clips import make_clips, make_clips_for
from data.worlds.motions import Path
from data.worlds.pairs import MOST_HIDDEN_FRAMES, draw_over, hidden_frames
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.prompts import Meaning, parse_prompt, swapped_prompts
from data.worlds.renderer import render
from data.worlds.shapes import COLOURS, SHAPES

WORLD = pairs_world()
PROMPT = "red circle moving up and blue square moving left"


def drawn(x: float, y: float, radius: float, shape: str, colour: str) -> np.ndarray:
    """Planes uint8 (1, 1, 3, 64, 64)."""
    frames = render(
        centres=np.array([[[x, y]]]),
        radii=np.array([[radius]]),
        angles=np.zeros((1, 1)),
        shape=shape,
        colour=colour,
        frame_size=64,
    )
    return frames.transpose(0, 1, 4, 2, 3)


def test_a_sentence_of_two_objects_is_understood_in_its_order() -> None:
    assert parse_prompt(PROMPT) == (Meaning("up", "circle", "red"), Meaning("left", "square", "blue"))


@pytest.mark.parametrize("prompt", [f"{PROMPT} and green star shrinking", "red circle moving up and", "and", "and and"])
def test_a_prompt_that_is_not_one_or_two_sentences_is_refused(prompt: str) -> None:
    with pytest.raises(PromptError, match="joined by 'and'"):
        parse_prompt(prompt)


@pytest.mark.parametrize(
    "prompt", ["circle moving up and square moving left", "red circle shrinking and red star expanding"]
)
def test_two_objects_need_different_colours(prompt: str) -> None:
    with pytest.raises(PromptError, match="must differ"):
        parse_prompt(prompt)


def test_a_world_refuses_prompts_of_another_number_of_objects() -> None:
    with pytest.raises(PromptError, match=r"this world show 1 object, .* names 2"):
        make_clips_for(shapes_world(), prompts=[PROMPT], seed=0)
    with pytest.raises(PromptError, match=r"this world show 2 objects, .* names 1"):
        make_clips_for(WORLD, prompts=["red circle moving up"], seed=0)


@given(
    places=st.lists(st.floats(5, 58), min_size=4, max_size=4),
    shapes=st.lists(st.sampled_from(SHAPES), min_size=2, max_size=2),
    colours=st.permutations(sorted(COLOURS)),
)
def test_the_object_that_is_named_later_lies_in_front(
    places: list[float], shapes: list[str], colours: list[str]
) -> None:
    behind = drawn(places[0], places[1], 8, shapes[0], colours[0])
    before = drawn(places[2], places[3], 8, shapes[1], colours[1])
    both = draw_over(behind, before).astype(int)
    alpha = (255 - before.min(axis=2, keepdims=True)) / 255
    expected = behind * (1 - alpha) + alpha * np.array(COLOURS[colours[1]])[None, None, :, None, None]
    assert np.abs(both - expected).max() <= 1


@given(distance=st.floats(0, 20), radius=st.floats(4, 9), other=st.floats(4, 9))
def test_an_object_counts_as_hidden_from_a_tenth_of_its_area_on(distance: float, radius: float, other: float) -> None:
    def path(x: float, size: float) -> Path:
        return Path(np.array([[[x, 0.0]]]), np.array([[size]]), np.zeros((1, 1)))

    y, x = np.mgrid[-10:10:0.1, -10:30:0.1]
    mine = x**2 + y**2 <= radius**2
    share = (mine & ((x - distance) ** 2 + y**2 <= other**2)).sum() / mine.sum()
    if abs(share - 0.1) > 0.01:
        assert hidden_frames(path(0, radius), path(distance, other))[0] == (share > 0.1)


def test_objects_hide_one_another_in_few_frames() -> None:
    clips = make_clips(WORLD, seed=0, indices=range(500))
    behind, before = (
        Path(one.centres.astype(float), one.radii.astype(float), one.angles.astype(float)) for one in clips.objects
    )
    hidden = hidden_frames(behind, before)
    assert (hidden <= MOST_HIDDEN_FRAMES * WORLD.frames).mean() > 0.998
    assert (hidden > 0).mean() > 0.2  # they do pass over one another


def test_a_clip_of_two_objects_depends_on_seed_and_index_alone() -> None:
    together = make_clips(WORLD, seed=4, indices=range(40))
    for index in (0, 7, 39):
        alone = make_clips(WORLD, seed=4, indices=[index])
        assert alone.prompts[0] == together.prompts[index]
        np.testing.assert_array_equal(alone.frames[0], together.frames[index])
    assert not np.array_equal(make_clips(WORLD, seed=5, indices=range(40)).frames, together.frames)


def test_swapped_sentences_have_the_same_words_and_other_meanings() -> None:
    twins = swapped_prompts("red circle moving up and blue square rotating clockwise")
    assert twins == (
        "blue circle moving up and red square rotating clockwise",
        "red square moving up and blue circle rotating clockwise",
        "red circle rotating clockwise and blue square moving up",
    )
    assert {tuple(sorted(tokenize(twin))) for twin in twins} == {
        tuple(sorted(tokenize("red circle moving up and blue square rotating clockwise")))
    }


def test_an_attribute_that_both_objects_share_is_not_swapped() -> None:
    assert swapped_prompts("red circle moving up and blue circle moving up") == ()
    assert swapped_prompts("red circle moving up and blue circle moving down") == (
        "blue circle moving up and red circle moving down",
    )
    assert swapped_prompts("circle moving up") == ()
