"""The tutorial's networks: what is wrong with them as published, and what each repair puts right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from data.reading.dataset import ClipTensors, load_clips
from data.shards.config import DataConfig
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.worlds.prompts import PromptError, parse_prompt
from data.worlds.world import WorldConfig
from models.checkpoint import checkpoint_digest, read_info
from models.config import ModelConfig, Repair, TrainConfig
from models.networks.network import network_of
from models.sampling import TextToVideo
from models.training.trainer import Progress, Saved, TrainEvent, train
from models.tutorial.adversary import TutorialAdversary
from models.tutorial.networks import NOISE, Discriminator, Generator, build_tutorial_generator, draw_tutorial_noise
from models.tutorial.words import published_words, word_shares

WORLD = WorldConfig(laws="tutorial", frame_size=32, frames=4)
LEFT, SHRINKING = "circle moving left", "circle shrinking"
REPAIRS: tuple[Repair, ...] = (
    "clip_latent",
    "trained_embedding",
    "text_in_discriminator",
    "wrong_prompts",
    "gradient_penalty",
    "ema",
)
TRAIN = TrainConfig(
    steps=6,
    prompts_per_batch=2,
    clips_per_prompt=2,
    learning_rate=2e-4,
    beta1=0.5,
    beta2=0.999,
    decay_share=0,
    penalty_every=2,
    log_every=2,
    sample_every=6,
    checkpoint_seconds=1e9,
    threads=1,
    device="cpu",
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    folder, data = tmp_path_factory.mktemp("data"), DataConfig(clips=60, shards=1)
    write_manifest(
        folder, world=WORLD, data=data, shards=[write_shard(folder, world=WORLD, data=data, shard=0)], digest="0" * 64
    )
    return load_clips(folder)


def _model(*repairs: Repair) -> ModelConfig:
    return ModelConfig(network="tutorial", repairs=repairs)


def _game(clips: ClipTensors, *repairs: Repair, **change: Any) -> TutorialAdversary:
    config = TRAIN.model_copy(update=change)
    return TutorialAdversary(clips=clips, world=WORLD, model=_model(*repairs), train=config, device=torch.device("cpu"))


def _train(clips: ClipTensors, folder: Path, *repairs: Repair, report: Any = lambda _: None, **change: Any) -> Path:
    config = TRAIN.model_copy(update=change)
    return train(clips=clips, world=WORLD, model=_model(*repairs), train=config, folder=folder, report=report)


def _shares(*prompts: str) -> Tensor:
    return word_shares(WORLD, prompts)


def _shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def test_the_networks_are_the_published_ones() -> None:
    assert _shapes(Generator(frame_size=64, channels=3)) == {
        "fc1.weight": (256 * 8 * 8, 110),
        "fc1.bias": (256 * 8 * 8,),
        "deconv1.weight": (256, 128, 4, 4),
        "deconv1.bias": (128,),
        "deconv2.weight": (128, 64, 4, 4),
        "deconv2.bias": (64,),
        "deconv3.weight": (64, 3, 4, 4),
        "deconv3.bias": (3,),
    }
    assert _shapes(Discriminator(frame_size=64, channels=3, words=None)) == {
        "conv1.weight": (64, 3, 4, 4),
        "conv1.bias": (64,),
        "conv2.weight": (128, 64, 4, 4),
        "conv2.bias": (128,),
        "conv3.weight": (256, 128, 4, 4),
        "conv3.bias": (256,),
        "fc1.weight": (1, 16384),
        "fc1.bias": (1,),
    }
    generator = build_tutorial_generator(_model(), WorldConfig(laws="tutorial"))
    assert generator.embedding.weight.shape == (19, 10)


def test_words_are_split_at_white_space_so_that_up_is_none() -> None:
    words = published_words(WORLD)
    assert {"up-left", "up-right", "counter-clockwise"} <= set(words)
    assert not {"up", "left-up", "counter"} & set(words)
    shares = _shares("circle moving up-right")[0]
    assert {words[k]: float(shares[k]) for k in shares.nonzero().flatten().tolist()} == pytest.approx(
        {"circle": 1 / 3, "moving": 1 / 3, "up-right": 1 / 3}
    )


def test_a_word_that_training_never_shows_is_left_out_of_the_mean() -> None:
    words = published_words(WORLD)
    shares = _shares("circle moving up")[0]
    assert {words[k] for k in shares.nonzero().flatten().tolist()} == {"circle", "moving"}
    assert float(shares.sum()) == pytest.approx(1)
    with pytest.raises(PromptError, match="'square'"):
        _shares("square moving up")
    with pytest.raises(PromptError, match="holds no word"):
        _shares("up")


def test_the_embedding_is_in_no_optimiser_and_stays_random(clips: ClipTensors) -> None:
    game = _game(clips)
    before = game.generator.embedding.weight.clone()
    learned = {id(p) for optimiser in game.optimisers.values() for g in optimiser.param_groups for p in g["params"]}
    assert id(game.generator.embedding.weight) not in learned
    for _ in range(3):
        game.step()
    torch.testing.assert_close(game.generator.embedding.weight, before, rtol=0, atol=0)


def test_trained_embedding_moves_the_words_that_the_batches_show(clips: ClipTensors) -> None:
    game = _game(clips, "trained_embedding")
    before = game.generator.embedding.weight.clone()
    for _ in range(3):
        game.step()
    assert not torch.equal(game.generator.embedding.weight, before)


def test_the_prompt_cannot_matter_to_the_discriminator(clips: ClipTensors) -> None:
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    left, shrinking = _shares(LEFT, LEFT), _shares(SHRINKING, SHRINKING)
    published, repaired = (_game(clips, *repairs).discriminator for repairs in ((), ("text_in_discriminator",)))
    torch.testing.assert_close(published(pictures, left), published(pictures, shrinking), rtol=0, atol=0)
    assert not torch.allclose(repaired(pictures, left), repaired(pictures, shrinking))


def test_no_frame_knows_of_another_frames_noise() -> None:
    generator = build_tutorial_generator(_model(), WORLD)
    noise = draw_tutorial_noise(1, config=_model(), world=WORLD, generator=torch.Generator().manual_seed(0))
    assert noise.shape == (1, 4, NOISE)
    changed = noise.clone()
    changed[:, 2] = 0
    before, after = generator(noise, _shares(LEFT))[0], generator(changed, _shares(LEFT))[0]
    same = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert same == [True, True, False, True]


def test_a_latent_per_clip_draws_all_of_its_frames() -> None:
    model = _model("clip_latent")
    generator = build_tutorial_generator(model, WORLD)
    noise = draw_tutorial_noise(1, config=model, world=WORLD, generator=torch.Generator().manual_seed(0))
    assert noise.shape == (1, NOISE)
    before, after = generator(noise, _shares(LEFT))[0], generator(-noise, _shares(LEFT))[0]
    assert before.shape == (4, 3, 32, 32)
    assert not any(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_batch_is_of_shuffled_frames_and_every_frame_comes_once_an_epoch(clips: ClipTensors) -> None:
    game = _game(clips, prompts_per_batch=6)
    seen = []
    for game.steps_done in range(20):
        pictures, prompts = game._reals()
        assert pictures.shape == (12, 3, 32, 32)
        assert len(set(prompts.tolist())) > 1
        seen.append(pictures)
    whole = clips.ink.frames(torch.arange(60)).flatten(0, 1).float() / 127.5 - 1
    assert float(torch.cat(seen).sum(dtype=torch.float64)) == pytest.approx(float(whole.sum(dtype=torch.float64)))


def test_with_a_latent_per_clip_the_discriminator_sees_whole_clips(clips: ClipTensors) -> None:
    game = _game(clips, "clip_latent")
    pictures, prompts = game._reals()
    assert pictures.shape == (4, 12, 32, 32)
    place = int(game.sampler.batch(0, 4)[1])
    assert WORLD.seen_prompts[int(prompts[1])] == clips.prompts[place]
    frames = clips.ink.frames(torch.tensor([place]))[0].float() / 127.5 - 1
    torch.testing.assert_close(pictures[1], frames.flatten(0, 1))


def test_a_wrong_prompt_never_means_the_same(clips: ClipTensors) -> None:
    game = _game(clips, "text_in_discriminator", "wrong_prompts")
    prompts = torch.arange(len(WORLD.seen_prompts)).repeat(50)
    wrong = game._wrong(prompts, torch.Generator().manual_seed(0))
    for mine, other in zip(prompts.tolist(), wrong.tolist(), strict=True):
        assert parse_prompt(WORLD.seen_prompts[mine]) != parse_prompt(WORLD.seen_prompts[other])


def test_wrong_prompts_and_penalty_change_what_the_discriminator_learns(clips: ClipTensors) -> None:
    def weights(*repairs: Repair) -> Tensor:
        game = _game(clips, "text_in_discriminator", *repairs, penalty_every=1, clip_penalty=1, first_clip_penalty=1)
        game.step()
        return game.discriminator.fc1.weight.detach().clone()

    published = weights()
    assert not torch.equal(weights("wrong_prompts"), published)
    assert not torch.equal(weights("gradient_penalty"), published)


def test_samples_come_from_the_last_weights_and_with_the_repair_from_their_average(clips: ClipTensors) -> None:
    last, averaged = _game(clips), _game(clips, "ema")
    for _ in range(3):
        last.step()
        averaged.step()
    assert last.averaged is last.generator
    mean, newest = averaged.averaged.pictures.fc1.weight, averaged.generator.pictures.fc1.weight
    assert not torch.equal(mean, newest)
    torch.testing.assert_close(newest, last.generator.pictures.fc1.weight, rtol=0, atol=0)


def test_a_lost_game_costs_the_generator_at_most_100(clips: ClipTensors) -> None:
    game = _game(clips)
    torch.nn.init.constant_(game.discriminator.fc1.bias, -1e4)
    assert float(game.step()["generator"]) == pytest.approx(100)


@pytest.mark.parametrize("repairs", [(), REPAIRS])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    clips: ClipTensors, tmp_path: Path, repairs: tuple[Repair, ...]
) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 4:
            raise KeyboardInterrupt

    whole = _train(clips, tmp_path / "whole", *repairs)
    with pytest.raises(KeyboardInterrupt):
        _train(clips, tmp_path / "parts", *repairs, report=interrupt, checkpoint_seconds=1e-9)
    assert (tmp_path / "parts" / "step-00000003").is_dir()
    resumed = _train(clips, tmp_path / "parts", *repairs)
    assert checkpoint_digest(resumed) == checkpoint_digest(whole)
    for name in ("generator.pth", "discriminator.pth"):
        one, other = (torch.load(folder / name, weights_only=True) for folder in (whole, resumed))
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_both_networks_are_exported_and_the_text_vectors_only_in_the_checkpoint(
    clips: ClipTensors, tmp_path: Path
) -> None:
    final = _train(clips, tmp_path)
    generator, discriminator = (
        torch.load(final / name, weights_only=True) for name in ("generator.pth", "discriminator.pth")
    )
    Generator(frame_size=32, channels=3).load_state_dict(generator)
    Discriminator(frame_size=32, channels=3, words=None).load_state_dict(discriminator)
    assert not any("embedding" in name for name in (*generator, *discriminator))
    frames = TextToVideo.load(final).generate([LEFT, "circle moving up"], seed=1)
    assert frames.shape == (2, 4, 32, 32, 3)
    assert frames.dtype == np.uint8


def test_samples_depend_on_seed_and_place_alone(clips: ClipTensors, tmp_path: Path) -> None:
    model = TextToVideo.load(_train(clips, tmp_path))
    many, few = model.generate([LEFT] * 40, seed=3), model.generate([SHRINKING, LEFT], seed=3)
    np.testing.assert_array_equal(many[1], few[1])


def test_a_training_ends_with_its_cpu_time_and_is_not_done_again(clips: ClipTensors, tmp_path: Path) -> None:
    events: list[TrainEvent] = []
    limited = {"steps": 1_000_000, "cpu_minutes": 0.01, "report": events.append}
    final = _train(clips, tmp_path, **limited)
    info = read_info(final)
    assert 1 <= info.step < 1_000_000
    assert 0.6 <= info.cpu_seconds < 6
    assert [event.step for event in events if isinstance(event, Saved)] == [info.step]
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.step, last.total) == (info.step, info.step)
    events.clear()
    assert _train(clips, tmp_path, **limited) == final
    assert events == []


def test_the_cpu_time_of_an_interrupted_training_counts(clips: ClipTensors, tmp_path: Path) -> None:
    def interrupt(event: TrainEvent) -> None:
        if isinstance(event, Progress) and event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(clips, tmp_path, report=interrupt, checkpoint_seconds=1e-9, steps=1_000_000, cpu_minutes=60)
    spent = read_info(tmp_path / "step-00000003").cpu_seconds
    assert spent > 0
    final = _train(clips, tmp_path, steps=1_000_000, cpu_minutes=0.999 * spent / 60)  # less: divisions round
    assert read_info(final).step == 3


def test_repairs_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="needs text_in_discriminator"):
        _model("wrong_prompts")
    with pytest.raises(ValidationError, match="a value twice"):
        _model("ema", "ema")
    with pytest.raises(ValidationError, match="for the tutorial's network"):
        ModelConfig(repairs=("ema",))


def test_the_config_chooses_the_network() -> None:
    assert network_of(_model()).text(_model(), WORLD).features([LEFT]).shape == (1, 19)
    assert network_of(ModelConfig()).text(ModelConfig(), WORLD).features([LEFT]).shape == (
        1,
        len(WORLD.vocabulary.words),
    )
