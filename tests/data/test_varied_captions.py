"""Worlds with captions in free words show the same clips, and their frozen sentences say what training shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from data.captions import PromptError, tokenize
from data.reading.dataset import load_clips
from data.shards.config import DataConfig, ShardFormat
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.clips import make_clips
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.prompts import parse_prompt
from data.worlds.tiers import GROUPS
from data.worlds.wording import frozen
from data.worlds.wording.extent import can_say
from data.worlds.wording.frozen import FrozenSentences
from data.worlds.world import WorldConfig


def varied(world: WorldConfig, count: int = 2) -> WorldConfig:
    return WorldConfig.model_validate(world.model_dump() | {"varied_captions": count})


WORLD = varied(shapes_world())


@pytest.mark.parametrize("world", [shapes_world(), pairs_world(), WorldConfig()])
def test_captions_in_free_words_change_no_clip(world: WorldConfig) -> None:
    plain, free = (make_clips(one, seed=3, indices=range(5, 25)) for one in (world, varied(world)))
    np.testing.assert_array_equal(plain.frames, free.frames)
    assert plain.prompts == free.prompts
    assert all(len(captions) == 3 for captions in free.captions)
    alone = make_clips(varied(world), seed=3, indices=[24])
    assert alone.captions == free.captions[-1:]


def test_the_captions_of_a_clip_say_what_it_shows_and_nothing_that_is_held_out() -> None:
    clips = make_clips(WORLD, seed=0, indices=range(400))
    held_out = {parse_prompt(prompt)[0] for tier in ("V3", "T2", "T3") for prompt in WORLD.tiers[tier]}
    for prompt, *captions in clips.captions:
        (meaning,) = parse_prompt(prompt)
        assert meaning not in held_out
        assert all(can_say(meaning, text) for text in captions)
    texts = {text for captions in clips.captions for text in captions}
    assert not texts & {prompt for tier, members in WORLD.tiers.items() if tier != "T0" for prompt in members}


def test_the_vocabulary_holds_every_word_of_the_captions() -> None:
    clips = make_clips(WORLD, seed=1, indices=range(300))
    words = {word for captions in clips.captions for text in captions for word in tokenize(text)}
    assert words <= set(WORLD.vocabulary.words)
    assert WORLD.plain_words == shapes_world().vocabulary == shapes_world().plain_words


@pytest.mark.parametrize("stored_as", ["parquet", "webdataset"])
def test_shards_keep_all_captions_of_a_clip(stored_as: ShardFormat, tmp_path: Path) -> None:
    world, config = varied(WorldConfig(frame_size=32, frames=4)), DataConfig(clips=12, shards=1, format=stored_as)
    shards = [write_shard(tmp_path, world=world, data=config, shard=0)]
    write_manifest(tmp_path, source=WorldSource(world=world, data=config), shards=shards, digest="0" * 64)
    made, read = make_clips(world, seed=config.seed, indices=range(12)), load_clips(tmp_path)
    assert read.captions.to_pylist() == [list(captions) for captions in made.captions]
    assert read.prompts == list(made.prompts)
    assert len(read.of_prompt(made.prompts[0], at_most=1)) == 1


def test_only_worlds_of_free_words_have_the_frozen_sentences() -> None:
    assert [len(WORLD.tiers[tier]) for tier in ("V4", "V4w", "T4", "T4w")] == [80, 40, 80, 40]
    assert {"V4", "V4w"} <= set(GROUPS["validation"])
    assert {"T4", "T4w"} <= set(GROUPS["test"])
    for other in (shapes_world(), varied(pairs_world()), varied(WorldConfig())):
        assert not {"V4", "V4w", "T4", "T4w"} & set(other.tiers)
    plain = {tier: prompts for tier, prompts in WORLD.tiers.items() if tier[1:] not in ("4", "4w")}
    assert plain == shapes_world().tiers


def test_the_world_knows_what_its_frozen_sentences_mean() -> None:
    seen = {parse_prompt(prompt) for prompt in WORLD.seen_prompts}
    for tier in ("V4", "V4w", "T4", "T4w"):
        assert {WORLD.scene_of(text) for text in WORLD.tiers[tier]} <= seen
    with pytest.raises(PromptError, match="unknown word"):
        shapes_world().scene_of(WORLD.tiers["V4"][0])


def test_fewer_training_prompts_have_fewer_frozen_sentences() -> None:
    few = WORLD.model_copy(update={"seen_limit": 60})
    assert 0 < len(few.tiers["V4"]) < 80
    assert {few.scene_of(text) for text in few.tiers["V4"]} <= {parse_prompt(prompt) for prompt in few.seen_prompts}


def test_other_sentences_or_captions_give_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = WORLD.fingerprint
    assert len({before, shapes_world().fingerprint, varied(WORLD, 1).fingerprint}) == 3
    changed = FrozenSentences(validation={"a red ball rises": WORLD.seen_prompts[0]}, test={})
    monkeypatch.setattr(frozen, "read_sentences", lambda _: changed)
    assert WORLD.fingerprint != before


@pytest.mark.parametrize(
    ("changes", "says"), [({"laws": "tutorial"}, "laws flipbook"), ({"varied_captions": 17}, "16")]
)
def test_a_world_that_cannot_have_captions_in_free_words_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WorldConfig.model_validate({"varied_captions": 1} | changes)
