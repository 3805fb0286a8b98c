"""No caption stands on two sides, whatever the order of the files."""

from __future__ import annotations

import string
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.importing.captions import caption_key, captions_of, cleaned
from data.importing.config import ImportConfig
from data.importing.item import Item
from data.importing.splitting import with_splits

CONFIG = ImportConfig(validation_share=0.2, test_share=0.3)
few = st.sampled_from([*string.ascii_lowercase, "A", "b.", "C\u2011C", "c-c"])
groups = st.lists(st.lists(few, min_size=1, max_size=3).map(tuple), min_size=1, max_size=30)


def items(captions: list[tuple[str, ...]], split: str = "") -> list[Item]:
    return [Item(f"{number}.mp4", texts, split) for number, texts in enumerate(captions)]


@given(groups)
def test_no_caption_stands_on_two_sides(captions: list[tuple[str, ...]]) -> None:
    sides = defaultdict(set)
    for item in with_splits(items(captions), CONFIG):
        for caption in item.captions:
            sides[caption_key(caption)].add(item.split)
    assert all(len(found) == 1 for found in sides.values())
    assert "train" in {side for found in sides.values() for side in found}


@given(groups, st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(captions: list[tuple[str, ...]], random: object) -> None:
    made = items(captions)
    shuffled = made.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(with_splits(shuffled, CONFIG)) == set(with_splits(made, CONFIG))


def test_the_shares_are_those_of_the_configuration() -> None:
    split = with_splits(items([(f"caption {number}",) for number in range(4000)]), CONFIG)
    counts = Counter(item.split for item in split)
    assert counts["test"] == pytest.approx(1200, abs=120)
    assert counts["validation"] == pytest.approx(800, abs=120)
    other = with_splits(
        items([(f"caption {number}",) for number in range(4000)]), CONFIG.model_copy(update={"seed": 1})
    )
    assert other != split


def test_new_captions_move_no_old_ones() -> None:
    old = items([(f"caption {number}",) for number in range(50)])
    new = [Item(f"new {number}.mp4", (f"another {number}",)) for number in range(50)]
    assert with_splits([*new, *old], CONFIG)[50:] == with_splits(old, CONFIG)


def test_a_given_split_stays_and_others_with_the_same_caption_follow() -> None:
    given_ones = [Item("a.mp4", ("Red.", "x"), "test"), Item("b.mp4", ("red",)), Item("c.mp4", ("x",), "validation")]
    assert [item.split for item in with_splits(given_ones, CONFIG)] == ["test", "validation", "validation"]


@given(st.text())
def test_a_cleaned_caption_is_one_line_and_stays_as_it_is(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert once == once.strip()
    assert not any(character in once for character in "\n\r\t\0\x1b")
    once.encode()


def test_captions_of_any_language_are_kept() -> None:
    texts = ["красный круг", "赤い円", "دائرة حمراء", "up\u2011right \u2013 now!", "🔴➡️", "?", "a  b"]
    assert captions_of([texts], longest=100) == (*texts[:-1], "a b")


def test_case_dashes_and_full_stops_make_no_other_caption() -> None:
    assert caption_key("Moving up\u2011right.") == caption_key("moving  up-right")
    assert caption_key("STRASSE") == caption_key("straße")
    assert caption_key("?") != caption_key("!")
    for one, other in (
        ("狗在跑。", "狗在跑"),
        ("¿Un perro corre?", "Un perro corre"),
        ("„Ein Hund“ läuft", "«Ein Hund» läuft"),
        ("dog\u2019s", "dog's"),
        ("a dog (running)", "A dog running!"),
        ("هل يركض الكلب؟", "هل يركض الكلب"),
    ):
        assert caption_key(one) == caption_key(other)


def test_a_length_in_seconds_decides_the_rate() -> None:
    config = ImportConfig(frames=8, clip_seconds=2)
    assert config.rate == 4
    assert ImportConfig.model_validate_json(config.model_dump_json()) == config
    assert (config.seconds, config.step) == (2, 2)
    assert ImportConfig().step is None
    assert ImportConfig(stride=3).step == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fps": 10, "clip_seconds": 2}, "10 frames at 10 per second last 1 s, but clip_seconds is 2"),
        ({"stride": 0.05}, "shorter than the 0.1 s between two frames"),
        ({"width": 60}, "multiple of 8"),
        ({"frames": "x", "clip_seconds": 1}, "valid integer"),
        ({"clip_seconds": 500, "frames": 4}, "0.008 frames per second are too slow"),
        ({"validation_share": 0.5, "test_share": 0.5}, "leave nothing to train on"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ImportConfig(**values)  # type: ignore[arg-type]
