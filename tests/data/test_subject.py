"""What a model has to know of imported clips is described by their captions alone."""

from __future__ import annotations

import pytest

from data.clip_format import ClipFormat
from data.subject import EXAMPLES, MOST_READ, MOST_WORDS, CaptionedSubject, Subject, described
from data.worlds.world import WorldConfig

FORMAT = ClipFormat(frames=8, height=40, width=32, fps=12.5)


def test_the_vocabulary_holds_the_words_of_several_training_captions() -> None:
    captions = ["A dog runs.", "a cat runs", "the dog sleeps"]
    found = CaptionedSubject.of(FORMAT, {"train": captions, "test": ["a dog swims", "he swims"]})
    assert found.words == ("a", "dog", "runs")
    assert found.longest == 3
    assert found.examples == {"train": tuple(captions), "test": ("a dog swims", "he swims")}


def test_one_caption_is_enough_for_a_vocabulary() -> None:
    assert CaptionedSubject.of(FORMAT, {"train": ["猫 läuft"] * 3}).words == ("läuft", "猫")


def test_many_long_captions_give_a_small_description() -> None:
    captions = [f"{' '.join(f'word{number % 9000}' for number in range(start, start + 99))}" for start in range(9500)]
    found = CaptionedSubject.of(FORMAT, {"train": captions})
    assert (len(found.words), found.longest, len(found.examples["train"])) == (MOST_WORDS, MOST_READ, EXAMPLES)


def test_clips_without_a_training_caption_are_refused() -> None:
    with pytest.raises(ValueError, match="no training clip"):
        CaptionedSubject.of(FORMAT, {"test": ["a dog"]})


@pytest.mark.parametrize("subject", [WorldConfig(), CaptionedSubject.of(FORMAT, {"train": ["a dog"]})])
def test_json_tells_a_world_from_imported_clips(subject: Subject) -> None:
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Subject] = TypeAdapter(Subject)
    assert adapter.validate_json(subject.model_dump_json()) == subject


def test_people_see_a_world_or_the_format_of_their_clips() -> None:
    assert described(WorldConfig()) == {"world": WorldConfig()}
    assert described(CaptionedSubject.of(FORMAT, {"train": ["a dog"]})) == {"clips": FORMAT}
