"""Discriminators that tell the words of a prompt from pixels, and the decoder that they teach."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data.reading.dataset import ClipTensors, load_clips
from data.shards.config import DataConfig
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.worlds.world import WorldConfig
from models.config import ModelConfig, TrainConfig
from models.networks.decoders import SpriteDecoder
from models.networks.discriminator import FrameDiscriminator
from models.networks.generator import build_generator
from models.text.features import build_text
from models.training.adversary import CLIP, FRAME, Adversary
from models.training.batches import Batch, as_pictures, step_generator
from models.training.losses import word_loss

WORLD = WorldConfig(
    frame_size=32,
    frames=4,
    shapes=("circle", "star"),
    colours=("red", "blue"),
    radius=(9, 11),
    phrases=("moving left", "shrinking"),
    held_out=(),
)
MODEL = ModelConfig(
    decoder="sprite",
    additive_content=True,
    word_heads=True,
    motion_width=32,
    critic_width=32,
    channels=4,
    frame_critic_channels=8,
)
TRAIN = TrainConfig(steps=60, prompts_per_batch=8, clips_per_prompt=2, stills=16, threads=1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    folder, config = tmp_path_factory.mktemp("data"), DataConfig(clips=120, shards=1)
    write_manifest(
        folder,
        world=WORLD,
        data=config,
        shards=[write_shard(folder, world=WORLD, data=config, shard=0)],
        digest="0" * 64,
    )
    return load_clips(folder)


def game(clips: ClipTensors, *, model: ModelConfig = MODEL, train: TrainConfig = TRAIN) -> Adversary:
    return Adversary(clips=clips, world=WORLD, model=model, train=train, device=torch.device("cpu"))


def test_the_words_are_told_from_pixels_alone(clips: ClipTensors) -> None:
    played = game(clips)
    pictures = {CLIP: torch.rand(4, 4, 3, 16, 16) * 2 - 1, FRAME: torch.rand(4, 3, 32, 32) * 2 - 1}
    for name, critic in played.critics.items():
        told = [
            critic(pictures[name], played.prompt_features[rows], played.prompt_labels[rows])
            for rows in ([0, 0, 1, 1], [5, 5, 6, 6])
        ]
        assert torch.equal(told[0].words, told[1].words)
        assert not torch.equal(told[0].scores, told[1].scores)


def test_the_score_is_made_of_the_logits_of_the_prompts_words(clips: ClipTensors) -> None:
    critic = game(clips).critics[FRAME]
    picture, text = torch.rand(1, 3, 32, 32), torch.zeros(1, critic.reader(game(clips).prompt_features).shape[1])
    one_word = torch.eye(len(WORLD.vocabulary.words))
    plain = critic(picture, text, torch.zeros(1, len(one_word)))
    for word, counts in enumerate(one_word):
        judged = critic(picture, text, counts.unsqueeze(0))
        logit = plain.words[0, word] - critic.verdict.heads.offsets[word]
        torch.testing.assert_close(judged.scores[0] - plain.scores[0], logit)


def test_the_loss_of_words_is_the_cross_entropy_of_the_words_that_a_prompt_holds() -> None:
    counts = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    sure = torch.tensor([[20.0, -20.0], [-20.0, 20.0]])
    assert word_loss(sure, counts) < 1e-6
    assert word_loss(torch.zeros(2, 2), counts).item() == pytest.approx(2 * torch.log(torch.tensor(2.0)).item())
    assert word_loss(-sure, counts).item() == pytest.approx(40.0)


def test_the_weight_of_the_words_is_what_teaches_the_heads(clips: ClipTensors) -> None:
    def told(weight: float) -> float:
        played = game(clips, train=TRAIN.model_copy(update={"word_weight": weight, "generator_word_weight": 0.0}))
        losses = [played.step()[f"{CLIP}_words"] for _ in range(TRAIN.steps)]
        return float(torch.stack(losses[-10:]).mean())

    assert told(1.0) < told(0.0) - 1


def test_a_training_with_word_heads_goes_on_to_the_same_weights(clips: ClipTensors, tmp_path: Path) -> None:
    whole, part, resumed = game(clips), game(clips), game(clips)
    for _ in range(6):
        whole.step()
    for _ in range(3):
        part.step()
    torch.save(part.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for _ in range(3):
        resumed.step()
    for name, module in whole.modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, resumed.modules[name].state_dict()[key]), (name, key)


def test_without_word_heads_no_words_are_told(clips: ClipTensors) -> None:
    losses = game(clips, model=MODEL.model_copy(update={"word_heads": False})).step()
    assert not [name for name in losses if name.endswith("words")]


def test_a_projection_stands_beside_the_words_only_where_their_order_matters() -> None:
    for encoder, heads, projected in (("tokens", True, False), ("tokens", False, True), ("transformer", True, True)):
        model = MODEL.model_copy(update={"text_encoder": encoder, "word_heads": heads})
        critic = FrameDiscriminator(model, text=build_text(model, WORLD), labels=5, frame_size=32)
        assert (critic.verdict.projection is not None) == projected


@pytest.mark.parametrize("pooling", [True, False])
def test_only_a_pooling_frame_discriminator_forgets_where_a_thing_is(pooling: bool) -> None:
    torch.manual_seed(0)
    model = MODEL.model_copy(update={"frame_pooling": pooling})
    text = build_text(model, WORLD)
    critic = FrameDiscriminator(model, text=text, labels=len(WORLD.vocabulary.words), frame_size=64)
    here = torch.ones(1, 3, 64, 64)
    here[..., 18:30, 18:30] = torch.rand(3, 12, 12)
    features = text.features(WORLD.seen_prompts[:1])
    seen = [critic(frame, features, features).words for frame in (here, here.roll((16, 8), dims=(2, 3)))]
    assert torch.allclose(*seen, atol=1e-5) == pooling


def test_the_frame_discriminator_sees_one_frame_of_each_of_many_clips(clips: ClipTensors) -> None:
    played = game(clips)
    shown = played._shown(Batch(torch.arange(4), torch.zeros(4, dtype=torch.int64)), step_generator(0, 0))
    assert len(shown.indices[FRAME]) == len(shown.moments) == TRAIN.stills
    seen = played._reals(shown)[FRAME]
    for picture, clip, moment in zip(seen, shown.indices[FRAME], shown.moments, strict=True):
        torch.testing.assert_close(picture, as_pictures(clips.ink.frames(clip.view(1))[0, moment], torch.device("cpu")))


def test_the_place_of_a_thing_is_no_matter_of_its_content() -> None:
    torch.manual_seed(0)
    decoder = build_generator(MODEL, WORLD).decoder
    assert isinstance(decoder, SpriteDecoder)
    seen: list[torch.Tensor] = []
    decoder.pose.register_forward_hook(lambda module, given, made: seen.append(given[0]))
    motion = torch.randn(1, MODEL.motion)
    pictures = [decoder(torch.cat([motion, torch.randn(1, MODEL.content)], dim=1).view(1, 1, 1, -1)) for _ in range(2)]
    assert torch.equal(seen[0], motion)
    assert torch.equal(seen[1], motion)
    assert not torch.equal(*pictures)


def test_what_a_word_adds_to_the_content_is_the_same_in_all_company() -> None:
    torch.manual_seed(0)
    motion = build_generator(MODEL, WORLD).motion
    noise = torch.randn(1, MODEL.latent_size)
    red, star, left = torch.randn(3, 1, MODEL.text_width)

    def content(text: torch.Tensor) -> torch.Tensor:
        return motion(noise, text)[0][..., MODEL.motion :]

    with torch.no_grad():
        torch.testing.assert_close(content(red + star) - content(red), content(star + left) - content(left))
