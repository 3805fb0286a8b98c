"""Batches show each prompt's clips evenly, and never the same clip twice in a group."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.training.batches import Batch, PromptGroups

Captions = list[list[str]]
GROUP = 3


def groups_of(captions: Captions, **more: Any) -> PromptGroups:
    return PromptGroups(pa.array(captions, type=pa.list_(pa.string())), group=GROUP, seed=1, **more)


def draw(groups: PromptGroups, *, step: int = 0, prompts: int = 4, clips: int = GROUP) -> Batch:
    random = torch.Generator().manual_seed(step)
    return groups.draw(torch.ones(len(groups.prompts)), prompts=prompts, clips=clips, generator=random)


@st.composite
def captioned(draw: st.DrawFn) -> Captions:
    """Captions of clips: some shared by many clips, some by few, some by one clip only."""
    prompts = draw(st.lists(st.sampled_from("abcdefgh"), min_size=GROUP, max_size=20))
    more = st.lists(st.sampled_from(["x", "y", "z"]), max_size=2)
    return [[prompt, *draw(more)] for prompt in prompts]


@given(captions=captioned(), clips=st.sampled_from([1, 2, GROUP]))
def test_no_clip_comes_twice_in_a_group_and_its_caption_is_one_of_its_own(captions: Captions, clips: int) -> None:
    groups = groups_of(captions)
    for step in range(8):
        batch = draw(groups, step=step, clips=clips)
        for group in batch.clips.view(-1, clips).tolist():
            assert len(set(group)) == clips
        for clip, caption in zip(batch.clips.tolist(), batch.captions.tolist(), strict=True):
            assert groups.texts[caption].as_py() in captions[clip]


@given(captions=captioned())
def test_the_clips_of_a_group_share_a_prompt_where_enough_clips_have_it(captions: Captions) -> None:
    groups = groups_of(captions)
    counts = Counter(own[0] for own in captions)
    frequent = {groups.texts[number].as_py() for number in groups.prompts.tolist()}
    assert frequent == {prompt for prompt, count in counts.items() if count >= GROUP}
    for step in range(8):
        batch = draw(groups, step=step)
        for number, group in zip(batch.groups.tolist(), batch.clips.view(-1, GROUP).tolist(), strict=True):
            if number < len(groups.prompts):
                wanted = groups.texts[groups.prompts[number].item()].as_py()
                assert {captions[clip][0] for clip in group} == {wanted}


def test_a_caption_that_one_clip_has_is_shown_as_often_as_any_other() -> None:
    groups = groups_of([[f"caption {number}"] for number in range(10)])
    shown = Counter[int]()
    for step in range(30):
        shown.update(draw(groups, step=step).clips.tolist())
    assert len(groups.prompts) == 0
    assert set(shown) == set(range(10))
    assert max(shown.values()) - min(shown.values()) <= 20  # 36 times on average


def test_rare_prompts_are_shown_as_often_as_they_occur() -> None:
    groups = groups_of([["frequent"]] * 60 + [[f"rare {number}"] for number in range(40)])
    mixed = sum((draw(groups, step=step).groups == 1).sum().item() for step in range(500))
    assert 0.35 < mixed / (500 * 4) < 0.45


def test_all_captions_of_a_clip_are_drawn_equally_often() -> None:
    groups = groups_of([["a", "b", "c"]] * 6)
    drawn = Counter[str]()
    for step in range(200):
        drawn.update(groups.texts[number].as_py() for number in draw(groups, step=step).captions.tolist())
    assert all(700 < drawn[caption] < 900 for caption in "abc")


def test_known_prompts_get_the_first_numbers() -> None:
    groups = groups_of([["b"]] * 3 + [["a"]] * 3, known=["a", "missing", "b"])
    assert groups.texts.to_pylist() == ["a", "missing", "b"]
    assert groups.prompts.tolist() == [0, 2]


def test_too_few_clips_and_clips_without_a_caption_are_refused() -> None:
    with pytest.raises(ValueError, match="has 2 clips, fewer than the 3"):
        groups_of([["a"], ["b"]])
    with pytest.raises(ValueError, match="no caption"):
        groups_of([["a"], ["b"], []])
