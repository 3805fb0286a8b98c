"""Prompts in unknown words are read in the words of the training prompts."""

from __future__ import annotations

import pytest

from data.captions import tokenize
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.prompts import TUTORIAL_PHRASES, parse_prompt
from data.worlds.world import WorldConfig
from models.text.colour_names import ColourNames
from models.text.directions import chosen, goes_to_and_fro, leanings, taken_apart
from models.text.minilm import sentence_encoder
from models.text.reading import MEANINGS, PromptReader

WAYS = ("up", "down", "left", "right")


@pytest.fixture(scope="module")
def reader() -> PromptReader:
    return PromptReader(sentence_encoder(), shapes_world().seen_prompts)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a green cube moving to the bottom right", "green square moving down-right"),
        ("black ball that is rising up to the left", "black circle moving up-left"),
        ("an orange star getting smaller", "orange star shrinking"),
        ("a blue sphere revolving clockwise", "blue circle rotating clockwise"),
        ("Red box, moving upward", "red square moving up"),
        ("a maroon ball getting larger", "red circle expanding"),
        ("a forest green box going round in a circle clockwise", "green square rotating clockwise"),
        ("a sky-blue star hopping up and down", "blue star bouncing vertically"),
        ("a black ball going to the north-west", "black circle moving up-left"),
        ("a black ball floating northeastward", "black circle moving up-right"),
        ("a black ball sliding upwards from the bottom", "black circle moving up"),
        ("a small red ball moving up", "red circle moving up"),
        ("a blood orange star shrinking", "orange star shrinking"),
        ("a red ring moving left", "red circle moving left"),
        ("a black star inflating", "black star expanding"),
        ("a green triangle swerving horizontally", "green triangle zigzagging horizontally"),
        ("the navy cube rises", "blue square moving up"),
        ("a crimson star which spins clockwise", "red star rotating clockwise"),
        ("a spinning red ball", "red circle rotating clockwise"),
        ("a falling scarlet box", "red square moving down"),
        ("a spinning red ball falls", "red circle moving down"),
        ("a big spinning red star", "red star rotating clockwise"),
        ("a slowly falling red ball", "red circle moving down"),
        ("a blue bouncing ball", "blue circle bouncing vertically"),
        ("spinning counter-clockwise, a red star", "red star rotating counter-clockwise"),
        ("a red star moves in a circle", "red star rotating clockwise"),
        ("a blue star moves to the upper edge", "blue star moving up"),
        ("a black ball drops like a stone", "black circle moving down"),
        ("a small crimson ball moving left", "red circle moving left"),
        ("a red ball to the left", "red circle moving left"),
        ("a falling green building", "green square moving down"),
    ],
)
def test_unknown_words_are_read_as_known_ones(reader: PromptReader, prompt: str, expected: str) -> None:
    assert parse_prompt(reader.in_known_words(prompt)) == parse_prompt(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("moving from left to right", {"right"}),
        ("sliding from the bottom to the top", {"up"}),
        ("sinking from the top", {"down"}),
        ("floating northeastward", {"up", "right"}),
        ("drifting to the southwest", {"down", "left"}),
        ("leftwards", {"left"}),
    ],
)
def test_a_direction_is_where_an_object_goes_to(text: str, expected: set[str]) -> None:
    heard = leanings(sentence_encoder(), text, among=WAYS)
    assert not goes_to_and_fro(heard)
    assert chosen(heard) == expected


@pytest.mark.parametrize("text", ["up and down", "from left to right and back", "between the top and the bottom"])
def test_words_for_both_ends_mean_back_and_forth(text: str) -> None:
    assert goes_to_and_fro(leanings(sentence_encoder(), text, among=WAYS))


def test_compound_directions_are_split_and_other_words_are_not() -> None:
    assert taken_apart("northeastward, upright, toppling leftwards") == "north east, upright, toppling left"


def test_only_phrases_of_the_grammar_have_meanings() -> None:
    assert set(MEANINGS) <= set(TUTORIAL_PHRASES)


def test_unknown_words_are_read_in_a_world_without_opposites() -> None:
    world = WorldConfig(phrases=("moving left", "shrinking"), held_out=())
    reader = PromptReader(sentence_encoder(), world.seen_prompts)
    assert reader.in_known_words("a ball drifting left") == "circle moving left"


def test_two_objects_are_read_separately() -> None:
    reader = PromptReader(sentence_encoder(), pairs_world().seen_prompts)
    assert (
        reader.in_known_words("a crimson ball going up and down and a small blue box sinking")
        == "red circle bouncing vertically and blue square moving down"
    )


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("maroon", "red"),
        ("Sky-Blue", "blue"),
        ("olive-coloured", "green"),
        ("peach colored", "orange"),
        ("black", "black"),
        ("no such colour", None),
        ("", None),
    ],
)
def test_the_name_of_a_colour_is_looked_up(name: str, colour: str | None) -> None:
    assert ColourNames(shapes_world().colours).find(name) == colour


def test_without_known_colours_no_name_is_found() -> None:
    assert ColourNames(()).find("maroon") is None
    assert ColourNames(("nowhere",)).find("maroon") is None


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a blue box", "blue square"),
        ("a big blue box", "blue square"),
        ("a red circle on a white background", "red circle"),
        ("a red circle that is big", "red circle"),
        ("a red star and nothing else", "red star"),
        ("a ball", "circle"),
        ("the brick falls", "square moving down"),
        ("blue falls", "blue moving down"),
        ("the star circles", "star rotating clockwise"),
        ("drifting to the left", "moving left"),
        ("dwindling", "shrinking"),
        ("falls", "moving down"),
    ],
)
def test_what_a_prompt_does_not_say_is_not_read_into_it(reader: PromptReader, prompt: str, expected: str) -> None:
    assert reader.in_known_words(prompt) == expected


@pytest.mark.parametrize("prompt", ["the", "ing ing ing", "ing", "which is", "ring ring", "ö" * 300])
def test_every_prompt_is_read_in_known_words(reader: PromptReader, prompt: str) -> None:
    read = tokenize(reader.in_known_words(prompt))
    assert read
    assert set(read) <= set(shapes_world().vocabulary.words)
