"""Captions in free words mean what their clips show and nothing else, and the frozen sentences follow their rules."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.captions import tokenize
from data.worlds.motions import MOTIONS
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.prompts import Meaning, parse_prompt
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.wording import caption_of, captions, colours
from data.worlds.wording.colours import colour_names
from data.worlds.wording.extent import can_say, motions, number_of_captions, things_of, vocabulary
from data.worlds.wording.freeze import WITHHELD, colour_table
from data.worlds.wording.frozen import NEUTRAL, FrozenSentences, read_sentences
from data.worlds.wording.sentences import JOINING_WORDS, JOINTS, NUMBERS
from data.worlds.world import WorldConfig

MEANINGS = tuple(
    Meaning(motion=motion, shape=shape, colour=colour)
    for motion, shape, colour in product(MOTIONS, SHAPES, (*COLOURS, None))
)
TRAINED = {parse_prompt(prompt): prompt for prompt in shapes_world().seen_prompts}
WORDS = vocabulary(TRAINED)
NEW_SENTENCES, NEW_WORDS = read_sentences("new_sentences"), read_sentences("new_words")
numbers = st.lists(st.floats(0, 1, exclude_max=True), min_size=NUMBERS, max_size=NUMBERS)


def pieces(sentences: dict[str, str]) -> list[Meaning]:
    return [parse_prompt(prompt)[0] for prompt in sentences.values()]


def test_captions_follow_from_scene_seed_and_index_on_every_platform() -> None:
    scene = parse_prompt("red circle moving diagonally up-right")
    both = parse_prompt("red circle rotating clockwise and blue star bouncing vertically")
    assert captions(scene, seed=0, index=7, count=3) == (
        "red circle moving diagonally up-right",
        "a red ball was filmed coasting in the direction of the upper right smoothly on a white background.",
        "Here the flat fire-engine-red bead is moving smoothly northeast",
    )
    assert captions(both, seed=5, index=123_456, count=2) == (
        "red circle rotating clockwise and blue star bouncing vertically",
        "the red circular spot revolving steadily the way a clock runs round the centre plus "
        "a powder-blue star hopping vertically.",
    )


def test_more_captions_or_other_clips_change_none() -> None:
    scene = parse_prompt("blue star shrinking")
    many = captions(scene, seed=3, index=9, count=5)
    assert many[0] == "blue star shrinking"
    for count in range(1, 5):
        assert captions(scene, seed=3, index=9, count=count) == many[:count]
    others = {captions(scene, seed=seed, index=index, count=2)[1] for seed, index in ((3, 10), (4, 9), (9, 3))}
    assert not others & set(many)


def test_no_wording_means_two_motions_or_two_objects() -> None:
    seen = Counter(text for motion in MOTIONS for finite in (False, True) for text in motions(motion, finite=finite))
    assert max(seen.values()) == 1
    things = Counter(text for shape in SHAPES for colour in (*COLOURS, None) for text in things_of(shape, colour))
    assert max(things.values()) == 1


def test_no_two_scenes_share_a_caption() -> None:
    rng = np.random.default_rng(0)
    colourful = [one for one in MEANINGS if one.colour]
    chosen = rng.permutation(len(colourful)).reshape(-1, 2)
    pairs = [tuple(colourful[place] for place in row) for row in chosen.tolist()]
    scenes = [(one,) for one in MEANINGS] + [order for pair in pairs for order in permutations(pair)]
    owners: dict[str, set[tuple[Meaning, ...]]] = {}
    for scene in scenes:
        for row in rng.random((30, NUMBERS)).tolist():
            owners.setdefault(caption_of(scene, row).lower().removesuffix("."), set()).add(scene)
    assert len(owners) > 0.8 * 30 * len(scenes)
    assert all(len(some) == 1 for some in owners.values())


@settings(max_examples=25, deadline=None)
@given(meaning=st.sampled_from(MEANINGS), drawn=numbers, other=st.sampled_from(MEANINGS))
def test_a_caption_is_in_the_grammar_of_its_own_meaning_only(
    meaning: Meaning, drawn: list[float], other: Meaning
) -> None:
    text = caption_of((meaning,), drawn)
    assert can_say(meaning, text)
    assert can_say(other, text) == (other == meaning)
    assert set(tokenize(text)) <= vocabulary([(meaning,)])


@settings(max_examples=100, deadline=None)
@given(pair=st.tuples(st.sampled_from(MEANINGS), st.sampled_from(MEANINGS)), drawn=numbers)
def test_objects_of_a_pair_hold_no_word_that_joins_them(pair: tuple[Meaning, Meaning], drawn: list[float]) -> None:
    text = caption_of(pair, drawn).lower()
    known = {tuple(word for word in tokenize(joint) if word in JOINING_WORDS) for joint in JOINTS}
    assert tuple(word for word in tokenize(text) if word in JOINING_WORDS) in known


def test_the_phrase_of_t1_is_in_no_varied_caption() -> None:
    for finite in (False, True):
        for text in motions("up-right", finite=finite):
            words = " ".join(tokenize(text))
            assert "up right" not in words.replace("diagonally up right", "")
    for motion in {meaning.motion for (meaning,) in TRAINED}:
        assert not motions(motion, finite=False) & motions("up", finite=False)  # T2


def test_captions_say_nothing_that_only_some_clips_show() -> None:
    untrue = "fast quickly slowly small big large tiny huge leaves enters reaches arrives bounces twice loop full"
    assert not (set(untrue.split()) - {"bounces"}) & vocabulary((one,) for one in MEANINGS)


def test_every_meaning_has_many_captions() -> None:
    assert min(number_of_captions(one) for one in MEANINGS if one.colour) > 10**9
    assert min(number_of_captions(one) for one in MEANINGS) > 10**7


def test_the_table_of_colour_names_is_what_its_rule_makes() -> None:
    assert {colour: list(colour_names(colour)[1:]) for colour in COLOURS} == colour_table()
    assert sum(len(colour_names(colour)) for colour in COLOURS) > 300
    assert "navy" in colour_names("blue")
    assert "scarlet" in colour_names("red")
    names = Counter(name for colour in COLOURS for name in colour_names(colour))
    assert max(names.values()) == 1


def test_a_damaged_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colours, "TABLE_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="damaged"):
        colour_names.__wrapped__("blue")


def test_words_that_are_withheld_are_in_no_caption() -> None:
    withheld = {word for words in WITHHELD.values() for word in words}
    assert not withheld & vocabulary((one,) for one in MEANINGS)


@pytest.mark.parametrize("frozen", [NEW_SENTENCES, NEW_WORDS])
def test_frozen_sentences_mean_what_training_shows_and_are_no_captions(frozen: FrozenSentences) -> None:
    for text, prompt in {**frozen.validation, **frozen.test}.items():
        assert prompt in TRAINED.values()
        assert not can_say(parse_prompt(prompt)[0], text), text


@pytest.mark.parametrize(("frozen", "size"), [(NEW_SENTENCES, 80), (NEW_WORDS, 40)])
def test_halves_are_disjoint_and_balanced(frozen: FrozenSentences, size: int) -> None:
    assert len(frozen.validation) == len(frozen.test) == size
    assert not set(frozen.validation) & set(frozen.test)
    for half in (frozen.validation, frozen.test):
        assert min(Counter(one.colour for one in pieces(half)).values()) >= 0.9 * size / len(COLOURS)
        assert min(Counter(one.shape for one in pieces(half)).values()) >= 0.8 * size / len(SHAPES)
        shown = Counter(one.motion for one in pieces(half))
        assert set(shown) == set(MOTIONS) - {"up"}
        assert min(shown.values()) >= size / 20


def test_new_sentences_consist_of_words_that_captions_hold() -> None:
    for text in (*NEW_SENTENCES.validation, *NEW_SENTENCES.test):
        assert set(tokenize(text)) <= WORDS, text


def test_new_words_are_in_no_caption_and_each_half_has_its_own() -> None:
    halves = [{word for text in half for word in tokenize(text)} for half in (NEW_WORDS.validation, NEW_WORDS.test)]
    for half in halves:
        assert half & WORDS <= NEUTRAL
    assert halves[0] & halves[1] <= NEUTRAL


def test_worlds_of_one_colour_and_of_two_objects_have_captions_too() -> None:
    for world in (WorldConfig(), pairs_world()):
        for index, prompt in enumerate(world.seen_prompts):
            plain, varied = captions(world.scene_of(prompt), seed=0, index=index, count=2)
            assert plain == prompt
            assert varied != prompt
