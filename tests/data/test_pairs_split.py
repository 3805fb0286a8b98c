"""No training clip shows a held-out pair, but training shows every object and every word of it."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from data.captions import SLUG_LENGTH, prompt_slug, tokenize
from data.worlds.clips import make_clips
from data.worlds.presets import pairs_world
from data.worlds.prompts import CONJUNCTION, Meaning, Scene, parse_prompt, swapped_prompts
from data.worlds.splits import read_split
from data.worlds.splits.freeze import PAIR_BINDINGS, PAIR_TRAIN, PAIR_UNSEEN, fewest_prompts
from data.worlds.world import WorldConfig

WORLD = pairs_world()
SPLIT = read_split("pairs")


def meant(prompt: str) -> frozenset[Meaning]:
    """The objects that a prompt names, without their order."""
    return frozenset(parse_prompt(prompt))


def objects_of(prompts: tuple[str, ...]) -> set[Meaning]:
    return {meaning for prompt in prompts for meaning in parse_prompt(prompt)}


HELD_OUT = {meant(prompt) for prompt in SPLIT.held_out_prompts}


def test_the_tiers_have_the_sizes_of_their_rules() -> None:
    sizes = {name: len(prompts) for name, prompts in WORLD.tiers.items()}
    assert sizes == {
        "T0": PAIR_TRAIN,
        "V3": PAIR_UNSEEN,
        "V5": 4 * PAIR_BINDINGS,
        "T3": PAIR_UNSEEN,
        "T5": 4 * PAIR_BINDINGS,
    }
    assert len(HELD_OUT) == 2 * (PAIR_UNSEEN + 4 * PAIR_BINDINGS)  # no validation prompt means what a test prompt means


def test_nothing_that_is_held_out_is_trained_on_in_either_order() -> None:
    trained = [meant(prompt) for prompt in SPLIT.train]
    assert not HELD_OUT & set(trained)
    assert len(set(trained)) == len(trained)


def test_no_training_clip_shows_what_is_held_out() -> None:
    clips = make_clips(WORLD, seed=0, indices=range(300))
    scenes: list[Scene] = list(
        zip(
            *(
                [Meaning(*what) for what in zip(one.motions, one.shapes, one.colours, strict=True)]
                for one in clips.objects
            ),
            strict=True,
        )
    )
    assert not HELD_OUT & {frozenset(scene) for scene in scenes}
    assert set(scenes) <= {parse_prompt(prompt) for prompt in SPLIT.train}


def test_every_object_and_every_word_of_the_held_out_pairs_is_trained_on() -> None:
    assert objects_of(SPLIT.held_out_prompts) <= objects_of(SPLIT.train)
    words = {word for prompt in SPLIT.held_out_prompts for word in tokenize(prompt)}
    assert words <= set(WORLD.vocabulary.words)
    assert "and" in words


@pytest.mark.parametrize("prompts", [SPLIT.V5, SPLIT.T5])
def test_a_binding_prompt_is_held_out_with_all_sentences_of_the_same_words(prompts: tuple[str, ...]) -> None:
    binding = {meant(prompt) for prompt in prompts}
    for prompt in prompts:
        twins = swapped_prompts(prompt)
        assert len(twins) == 3
        assert {meant(twin) for twin in twins} <= binding
        assert all(sorted(tokenize(twin)) == sorted(tokenize(prompt)) for twin in twins)


@pytest.mark.parametrize("count", [72, 288, PAIR_TRAIN])
def test_every_beginning_of_the_training_prompts_is_balanced(count: int) -> None:
    objects = [one.split(" ", 2) for prompt in SPLIT.train[:count] for one in prompt.split(CONJUNCTION)]
    for place in range(3):
        numbers = Counter(one[place] for one in objects).values()
        assert max(numbers) - min(numbers) <= 2
    whole = Counter(map(tuple, objects)).values()
    assert max(whole) - min(whole) <= 2


def test_the_fewest_prompts_hold_every_word() -> None:
    assert SPLIT.fewest == fewest_prompts(list(SPLIT.train))
    assert WORLD.model_copy(update={"seen_limit": SPLIT.fewest}).vocabulary == WORLD.vocabulary
    with pytest.raises(ValidationError, match="seen_limit"):
        WorldConfig.model_validate(WORLD.model_dump() | {"seen_limit": SPLIT.fewest - 1})


def test_every_prompt_has_its_own_file_name() -> None:
    prompts = [prompt for members in WORLD.tiers.values() for prompt in members]
    slugs = {prompt_slug(prompt) for prompt in prompts}
    assert len(slugs) == len(prompts)
    assert max(map(len, slugs)) < SLUG_LENGTH
