"""The three ways of reading prompts: their features, how they learn, and how they treat unknown words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data.captions import PromptError
from data.reading.dataset import ClipTensors
from flows.cli.main import execute
from models.checkpoint import checkpoint_digest
from models.config import ModelConfig
from models.sampling import TextToVideo
from models.text.features import build_text
from models.text.transformer import WordTransformer
from models.training.flipbook_game import FlipbookGame
from models.training.trainer import Saved, TrainEvent
from tests.models.tiny import MODEL, SHAPES_WORLD, TRAIN, make_clips, train_tiny

ENCODERS = ("tokens", "sentence", "transformer")
WORLD = SHAPES_WORLD
FOREIGN = "a crimson-red ball drifting leftwards"


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    return make_clips(tmp_path_factory.mktemp("squares"), WORLD)


@pytest.fixture(scope="module")
def models(squares: ClipTensors, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        encoder: train_tiny(squares, tmp_path_factory.mktemp(encoder), world=WORLD, model=_model(encoder))
        for encoder in ENCODERS
    }


def _model(encoder: str) -> ModelConfig:
    return ModelConfig.model_validate(MODEL.model_dump() | {"text_encoder": encoder})


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_features_of_a_prompt_are_the_same_beside_all_other_prompts(encoder: str) -> None:
    prompts = [*WORLD.seen_prompts, FOREIGN]
    whole = build_text(_model(encoder), WORLD).features(prompts, unknown_words="ignore")
    assert whole.dtype == torch.float32
    for number, prompt in enumerate(prompts):
        alone = build_text(_model(encoder), WORLD).features([prompt], unknown_words="ignore")
        assert torch.equal(alone[0], whole[number]), prompt
    assert len({tuple(row.tolist()) for row in whole[:-1]}) == len(WORLD.seen_prompts)


@pytest.mark.parametrize("encoder", ["tokens", "transformer"])
def test_learned_words_refuse_an_unknown_word_or_ignore_it(encoder: str) -> None:
    text = build_text(_model(encoder), WORLD)
    with pytest.raises(PromptError, match="scarlet"):
        text.check(["scarlet circle moving left"])
    with pytest.raises(PromptError, match="scarlet"):
        text.features(["scarlet circle moving left"])
    ignoring = text.features(["scarlet circle moving left", "circle moving left"], unknown_words="ignore")
    assert torch.equal(ignoring[0], ignoring[1])
    assert torch.equal(text.features(["a ball growing"], unknown_words="ignore"), torch.zeros(1, text.width))
    assert torch.equal(text.features(["!!!"], unknown_words="ignore"), torch.zeros(1, text.width))
    with pytest.raises(PromptError, match="empty"):
        text.features([" "], unknown_words="ignore")


def test_the_sentence_encoder_knows_every_word_and_refuses_an_empty_prompt_only() -> None:
    text = build_text(_model("sentence"), WORLD)
    prompts = [FOREIGN, "красный круг", "?! 3"]
    text.check(prompts)
    assert text.features(prompts).isfinite().all()
    with pytest.raises(PromptError, match="empty"):
        text.features([" "])


def test_word_order_matters_only_to_the_transformer() -> None:
    prompts = ["red circle moving left", "left moving circle red"]
    for encoder, same in (("tokens", True), ("transformer", False)):
        text = build_text(_model(encoder), WORLD)
        torch.manual_seed(0)
        one, other = text.encoder(16)(text.features(prompts))
        assert torch.allclose(one, other) == same
        one, other = text.reader()(text.features(prompts))
        assert torch.allclose(one, other) == same


def test_padding_does_not_change_what_the_transformer_reads() -> None:
    torch.manual_seed(0)
    network = WordTransformer(5, length=6, width=8).eval()
    for ids in ([1, 2], [4], []):
        padded = torch.tensor([ids + [0] * (6 - len(ids))]).float()
        before = network(padded)
        with torch.no_grad():
            network.vectors.weight[0] += 1
        torch.testing.assert_close(network(padded), before)


def test_the_transformer_refuses_a_prompt_longer_than_all_prompts_of_the_world() -> None:
    with pytest.raises(PromptError, match="up to 6 words"):
        build_text(_model("transformer"), WORLD).features(["red circle moving left", "left " * 7])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_weight_of_every_encoder_learns(squares: ClipTensors, encoder: str) -> None:
    game = FlipbookGame(clips=squares, subject=WORLD, model=_model(encoder), train=TRAIN, device=torch.device("cpu"))
    before = {
        (name, key): value.clone() for name, part in game.modules.items() for key, value in part.named_parameters()
    }
    for _ in range(4):
        game.step()
    for name, part in game.modules.items():
        for key, value in part.named_parameters():
            assert not torch.equal(value, before[name, key]), f"{name}.{key} did not change"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_interrupted_training_ends_with_the_same_weights(
    squares: ClipTensors, models: dict[str, Path], tmp_path: Path, encoder: str
) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Saved) and event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny(squares, tmp_path, world=WORLD, model=_model(encoder), report=interrupt, checkpoint_seconds=1e-9)
    resumed = train_tiny(squares, tmp_path, world=WORLD, model=_model(encoder))
    assert checkpoint_digest(resumed) == checkpoint_digest(models[encoder])


def test_a_model_of_learned_words_can_ignore_unknown_words(models: dict[str, Path]) -> None:
    for encoder in ("tokens", "transformer"):
        model = TextToVideo.load(models[encoder])
        with pytest.raises(PromptError, match="scarlet"):
            model.generate(["scarlet circle moving left"], seed=1)
        known = model.generate(["circle moving left"], seed=1)
        np.testing.assert_array_equal(
            model.generate(["scarlet circle moving left"], seed=1, unknown_words="ignore"), known
        )


@pytest.mark.parametrize("written", ["Red circle, moving left.", "\ufeffred\u2011circle moving\u2013left"])
def test_dashes_capitals_and_full_stops_change_no_video(models: dict[str, Path], written: str) -> None:
    model = TextToVideo.load(models["sentence"])
    plain = model.generate(["red circle moving left"], seed=1)
    np.testing.assert_array_equal(model.generate([written], seed=1), plain)


def test_a_prompt_in_any_language_becomes_files(models: dict[str, Path], tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    options = ("-n", "1", "-f", "gif", "--out", str(out), "--home", str(home), "--model", str(models["sentence"]))
    assert execute(["generate", "красный круг", "синий квадрат", "?!", FOREIGN, *options]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert len(names) == 4
    assert "a-crimson-red-ball-drifting-leftwards-000.gif" in names
