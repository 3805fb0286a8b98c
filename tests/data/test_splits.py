"""The frozen splits are what their rules say, and nothing that is held out is trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from data.captions import tokenize
from data.worlds.clips import make_clips
from data.worlds.presets import shapes_world
from data.worlds.prompts import parse_prompt
from data.worlds.splits import Withheld, read_split
from data.worlds.splits.freeze import WITHHELD, WITHHELD_FOR_VALIDATION, belongs_to, shapes_split
from data.worlds.world import HeldOut, WorldConfig

SPLIT = read_split("shapes")
TRAINED = {parse_prompt(prompt) for prompt in SPLIT.train}


def words_of(prompts: tuple[str, ...]) -> set[str]:
    return {word for prompt in prompts for word in tokenize(prompt)}


def test_the_file_is_what_the_rules_make() -> None:
    assert shapes_split() == SPLIT


def test_no_combination_or_direction_that_is_held_out_is_in_a_training_clip() -> None:
    held_out = {parse_prompt(prompt) for prompt in (*SPLIT.V3, *SPLIT.T2, *SPLIT.T3)}
    assert not held_out & TRAINED
    clips = make_clips(shapes_world(), seed=0, indices=range(600))
    (only,) = clips.objects
    shown = set(zip(only.shapes, only.colours, only.motions, strict=True))
    assert not shown & {(meaning.shape, meaning.colour, meaning.motion) for (meaning,) in held_out}


def test_an_unseen_phrase_has_a_meaning_that_is_trained_in_other_words() -> None:
    assert not set(SPLIT.T1) & set(SPLIT.train)
    assert {parse_prompt(prompt) for prompt in SPLIT.T1} <= TRAINED


def test_every_word_of_a_held_out_sentence_is_seen_in_training() -> None:
    assert words_of(SPLIT.held_out_prompts) <= words_of(SPLIT.train)


def test_whole_families_are_withheld_and_nothing_else_is() -> None:
    assert all(belongs_to(parse_prompt(prompt), WITHHELD) for prompt in SPLIT.T3)
    assert all(belongs_to(parse_prompt(prompt), WITHHELD_FOR_VALIDATION) for prompt in SPLIT.V3)
    both = WITHHELD + WITHHELD_FOR_VALIDATION
    assert not any(belongs_to(parse_prompt(prompt), both) for prompt in (*SPLIT.train, *SPLIT.T1, *SPLIT.T2))
    assert not any(parse_prompt(prompt)[0].shape == "star" and "diagonally" in prompt for prompt in SPLIT.train)
    assert not any(prompt.startswith("red") and "bouncing" in prompt for prompt in SPLIT.train)
    assert not any(prompt.startswith("red square") for prompt in SPLIT.train)


def test_validation_prompts_are_no_test_prompts_and_ask_for_the_same_kinds_of_combinations() -> None:
    assert not {parse_prompt(one) for one in SPLIT.V3} & {
        parse_prompt(one) for one in (*SPLIT.T1, *SPLIT.T2, *SPLIT.T3)
    }

    def kinds(families: tuple[Withheld, ...]) -> list[tuple[bool, bool, bool]]:
        return sorted((bool(one.shapes), bool(one.colours), bool(one.motions)) for one in families)

    assert kinds(SPLIT.withheld_for_validation) == kinds(SPLIT.withheld)


def test_the_docs_name_every_family_that_is_withheld() -> None:
    text = " ".join((Path(__file__).parents[2] / "docs" / "world.md").read_text(encoding="utf-8").split())
    for family in SPLIT.withheld + SPLIT.withheld_for_validation:
        assert family.rule in text


@pytest.mark.parametrize("count", [SPLIT.fewest, 50, 100, 200])
def test_a_beginning_of_the_training_prompts_holds_every_word_and_is_balanced(count: int) -> None:
    world = shapes_world().model_copy(update={"seen_limit": count})
    assert world.seen_prompts == SPLIT.train[:count]
    assert world.vocabulary == shapes_world().vocabulary
    for position in (0, 1):
        seen = [prompt.split()[position] for prompt in world.seen_prompts]
        assert max(map(seen.count, set(seen))) - min(map(seen.count, set(seen))) <= max(2, count // 8)


def test_a_world_with_a_split_has_the_tiers_of_the_split() -> None:
    tiers = shapes_world().tiers
    assert tiers["T0"] == SPLIT.train
    assert [len(tiers[name]) for name in ("V3", "T1", "T2", "T3")] == [36, 13, 18, 65]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seen_limit": 5}, "seen_limit must be 0, or from"),
        ({"split": "pears"}, "there is no split 'pears'"),
        ({"split": "", "seen_limit": 20}, "set split as well"),
        ({"shapes": ("circle",)}, "the world has the shapes circle"),
        ({"held_out": (HeldOut(tier="T1", phrase="moving up"),)}, "set held_out to an empty list"),
    ],
)
def test_a_split_that_does_not_fit_its_world_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WorldConfig.model_validate(shapes_world().model_dump() | changes)


def test_worlds_with_other_prompts_have_other_fingerprints() -> None:
    world = shapes_world()
    assert world.fingerprint != world.model_copy(update={"seen_limit": 100}).fingerprint
