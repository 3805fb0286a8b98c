"""A few of many prompts are chosen: evenly spread, and always the same ones."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from data.selection import evenly_spread, spread_over_tiers
from data.worlds.presets import shapes_world
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.world import WorldConfig


@given(count=st.integers(0, 200), limit=st.integers(1, 50))
def test_one_prompt_of_each_stretch_is_chosen_and_the_order_is_kept(count: int, limit: int) -> None:
    prompts = [f"{number:03d}" for number in range(count)]
    chosen = [int(prompt) for prompt in evenly_spread(prompts, limit)]
    assert len(chosen) == min(count, limit)
    assert chosen == sorted(set(chosen))
    stretches = [[k * count // len(chosen), (k + 1) * count // len(chosen)] for k in range(len(chosen))]
    assert all(first <= number < last for number, (first, last) in zip(chosen, stretches, strict=True))


def test_a_choice_shows_every_shape_and_colour_although_the_list_repeats_a_pattern() -> None:
    chosen = evenly_spread(shapes_world().seen_prompts, 40)
    shown = Counter(word for prompt in chosen for word in prompt.split()[:2])
    assert set(shown) == {*SHAPES, *COLOURS}
    assert max(shown.values()) < 20


def test_all_prompts_of_a_small_world_are_chosen_in_order() -> None:
    tiers = WorldConfig().tiers
    assert spread_over_tiers(tiers, 24) == tuple(prompt for members in tiers.values() for prompt in members)


def test_every_tier_of_a_large_world_has_its_share() -> None:
    tiers = shapes_world().tiers
    chosen = spread_over_tiers(tiers, 24)
    assert len(chosen) == 24
    fair = 24 // len(tiers)
    assert {sum(prompt in members for prompt in chosen) for members in tiers.values()} <= {fair, fair + 1}


def test_larger_tiers_take_what_a_small_tier_leaves() -> None:
    tiers = {"T0": [f"a{k}" for k in range(100)], "T1": ["b"], "T2": [f"c{k}" for k in range(8)]}
    chosen = spread_over_tiers(tiers, 24)
    assert [sum(prompt[0] == letter for prompt in chosen) for letter in "abc"] == [15, 1, 8]
