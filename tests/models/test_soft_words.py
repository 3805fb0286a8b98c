"""The reader of free words takes new sentences for the plain prompts that mean the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data.captions import PromptError
from data.reading.dataset import ClipTensors
from data.worlds.wording import captions
from models.checkpoint import checkpoint_digest
from models.config import ModelConfig
from models.sampling import TextToVideo
from models.text.features import build_text
from models.text.labels import Labels
from models.text.sentence_features import SentenceStates
from models.text.soft_words import SoftWords
from models.text.tokens import word_counts
from models.training.flipbook_game import FlipbookGame
from models.training.trainer import Reading, Saved, TrainEvent
from tests.models.tiny import MODEL, SHAPES_WORLD, TRAIN, make_clips, train_tiny

WORLD = SHAPES_WORLD.model_copy(update={"varied_captions": 2})
SENTENCE = ModelConfig.model_validate(MODEL.model_dump() | {"text_encoder": "sentence", "word_heads": True})


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    return make_clips(tmp_path_factory.mktemp("clips"), WORLD, count=150)


@pytest.fixture(scope="module")
def game(clips: ClipTensors) -> FlipbookGame:
    return FlipbookGame(clips=clips, subject=WORLD, model=SENTENCE, train=TRAIN, device=torch.device("cpu"))


def test_new_captions_are_read_as_their_plain_prompts(game: FlipbookGame) -> None:
    reader, vectors = game.generator.text, game.generator.text.words.vectors
    assert isinstance(reader, SoftWords)
    prompts = [prompt for prompt in WORLD.seen_prompts for _ in range(4)]
    texts = [captions(WORLD.scene_of(prompt), seed=99, index=index, count=2)[1] for index, prompt in enumerate(prompts)]
    wanted = word_counts(WORLD.plain_words, prompts)
    read = torch.sigmoid(SentenceStates().features(texts) @ reader.weight + reader.bias)
    right = ((read > 0.5) == (wanted > 0.5)).all(1).float().mean()
    assert right > 0.8
    plain = reader(SentenceStates().features(WORLD.seen_prompts))
    torch.testing.assert_close(plain, word_counts(WORLD.plain_words, WORLD.seen_prompts) @ vectors, atol=0.2, rtol=0.0)


def test_a_feature_that_hardly_varies_is_not_listened_to() -> None:
    torch.manual_seed(0)
    words = (torch.rand(200, 2) > 0.5).float()
    features = torch.cat([words + 0.05 * torch.randn(200, 2), 1 + 1e-5 * words[:, :1]], dim=1)
    reader = SoftWords(3, 2, width=4)
    reader.fit(features, words, often=torch.ones(200))
    other = features + torch.tensor([0.0, 0.0, 0.1])
    read = torch.sigmoid(other @ reader.weight + reader.bias)
    assert torch.equal(read > 0.5, words > 0.5)


def test_no_step_changes_how_captions_are_read(clips: ClipTensors, game: FlipbookGame) -> None:
    reader = game.generator.text
    before = reader.weight.clone(), reader.bias.clone(), reader.words.vectors.clone()
    for _ in range(2):
        game.step()
    assert torch.equal(reader.weight, before[0])
    assert torch.equal(reader.bias, before[1])
    assert not torch.equal(reader.words.vectors, before[2])
    assert torch.equal(game.averaged.text.weight, before[0])


def test_word_heads_learn_the_words_of_the_plain_prompt_whatever_caption_is_read(game: FlipbookGame) -> None:
    batch = game.groups.draw(
        torch.ones(len(WORLD.seen_prompts)), prompts=8, clips=2, generator=torch.Generator().manual_seed(0)
    )
    assert (batch.captions != batch.prompts).any()
    asked = game.captions.of(batch.captions, batch.prompts)
    prompts = [game.groups.texts[number].as_py() for number in batch.prompts.tolist()]
    assert set(prompts) <= set(WORLD.seen_prompts)
    assert torch.equal(asked.labels, Labels(WORLD, objects=1).of(prompts))
    texts = [game.groups.texts[number].as_py() for number in batch.captions.tolist()]
    assert torch.equal(asked.features, SentenceStates().features(texts))
    assert game.captions.labels == len(WORLD.plain_words.words)


def test_a_training_says_how_far_it_has_read_before_its_first_step(clips: ClipTensors, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    train_tiny(clips, tmp_path, world=WORLD, model=SENTENCE, report=events.append)
    captions = {text for own in clips.captions.to_pylist() for text in own} | set(WORLD.seen_prompts)
    assert events[0] == Reading(len(captions), len(captions))
    assert not any(isinstance(event, Reading) for event in events[1:])


def test_an_interrupted_training_ends_with_the_same_weights_and_reads_as_before(
    clips: ClipTensors, tmp_path: Path
) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Saved) and event.step == 3:
            raise KeyboardInterrupt

    whole = train_tiny(clips, tmp_path / "whole", world=WORLD, model=SENTENCE)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(clips, tmp_path / "parts", world=WORLD, model=SENTENCE, report=interrupt, checkpoint_seconds=1e-9)
    assert checkpoint_digest(train_tiny(clips, tmp_path / "parts", world=WORLD, model=SENTENCE)) == checkpoint_digest(
        whole
    )
    model = TextToVideo.load(whole)
    drawn = model.generate(["a crimson ball that drifts to the left", "blue square shrinking"], seed=1)
    assert not np.array_equal(drawn[0], drawn[1])


def test_counted_words_know_the_words_of_varied_captions_and_say_so_in_short(clips: ClipTensors) -> None:
    for encoder in ("tokens", "transformer"):
        text = build_text(MODEL.model_copy(update={"text_encoder": encoder}), WORLD)
        text.check([caption for own in clips.captions.to_pylist() for caption in own])
        with pytest.raises(PromptError, match=r"unknown word 'malachite'.*\d{3} other words are known") as caught:
            text.check(["a malachite ball"])
        assert len(str(caught.value)) < 300
