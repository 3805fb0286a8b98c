"""Frozen sentence states as text features: what they accept, and that a text's row never depends on its neighbours."""

from __future__ import annotations

import pytest
import torch

from data.captions import PromptError
from models.text import minilm
from models.text.protocols import TextFeatures
from models.text.sentence_features import LAYERS, SentenceStates, as_read

TEXTS = (
    "red circle moving left",
    "Ein roter Ball fliegt nach links",
    "赤い丸が左へ動く",
    "a scarlet ball that drifts, slowly but surely, all the way over to the top right corner of a white picture",
    "red",
    "?!",
)


def test_a_row_is_the_same_bit_for_bit_beside_all_other_texts() -> None:
    whole = SentenceStates().features(TEXTS)
    assert whole.dtype == torch.float32
    assert whole.shape == (len(TEXTS), SentenceStates.width)
    for number, text in enumerate(TEXTS):
        assert torch.equal(SentenceStates().features([text])[0], whole[number]), text
    assert torch.equal(SentenceStates().features(TEXTS[::-1]).flip(0), whole)


def test_features_are_the_encoders_states_of_three_layers_side_by_side() -> None:
    found = SentenceStates().features(["red circle moving left"]).view(len(LAYERS), -1)
    encoder = minilm.sentence_encoder()
    for part, layer in zip(found, LAYERS, strict=True):
        torch.testing.assert_close(part / 384**0.5, encoder.means(["red circle moving left"])[0, layer])
    torch.testing.assert_close(found.square().mean(1), torch.ones(len(LAYERS)))


def test_the_lower_layers_do_not_depend_on_how_many_are_computed() -> None:
    encoder = minilm.sentence_encoder()
    assert torch.equal(encoder.means(TEXTS, last=3), encoder.means(TEXTS)[:, :4])


@pytest.mark.parametrize("written", ["Sky-blue ball.", "sky\u2011blue  BALL", "\ufeffsky\u2013blue, ball!"])
def test_dashes_capitals_and_punctuation_make_no_difference(written: str) -> None:
    assert as_read(written) == "sky blue ball"
    assert torch.equal(SentenceStates().features([written]), SentenceStates().features(["sky blue ball"]))


@pytest.mark.parametrize("empty", ["", "  \n", "\ufeff", "\u200b \u200b"])
def test_only_an_empty_prompt_is_refused(empty: str) -> None:
    text = SentenceStates()
    text.check(TEXTS)
    for refuse in (text.check, text.features):
        with pytest.raises(PromptError, match="empty"):
            refuse(["red circle", empty])


def test_known_texts_are_not_computed_again_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SentenceStates(cached=2)
    first = text.features(["a ball", "a box", "a star"])  # more than it can remember
    computed: list[str] = []
    means = minilm.SentenceEncoder.means
    monkeypatch.setattr(
        minilm.SentenceEncoder,
        "means",
        lambda self, texts, *, last=None: computed.extend(texts) or means(self, texts, last=last),
    )
    assert torch.equal(text.features(["a star", "a box", "a star"]), first[[2, 1, 2]])
    assert computed == []
    assert torch.equal(text.features(["a ball"]), first[:1])
    assert computed == ["a ball"]


def test_changing_a_result_changes_no_later_one() -> None:
    text = SentenceStates()
    before = text.features(["a ball"])
    text.features(["a ball"]).zero_()
    assert torch.equal(text.features(["a ball"]), before)


def test_without_plain_prompts_all_that_is_trained_is_linear() -> None:
    text: TextFeatures = SentenceStates()
    features = text.features(TEXTS)
    for network, width in ((text.encoder(24), 24), (text.reader(), text.reading_width)):
        out = network(features)
        assert out.shape == (len(TEXTS), width)
        nothing = network(torch.zeros(1, text.width))
        torch.testing.assert_close(network(features[:1] + features[1:2]), out[:1] + out[1:2] - nothing)
        assert 0.3 < out.std() < 3
    assert text.features([]).shape == (0, text.width)
