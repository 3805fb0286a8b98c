"""Discriminators that tell the words of a prompt from pixels, and the sprites that they teach."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data.dataset import ClipTensors, load_clips
from data.manifest import write_manifest
from data.shards import DataConfig, write_shard
from data.world import WorldConfig
from models.adversary import CLIP, FRAME, Adversary
from models.config import ModelConfig, TrainConfig
from models.generator import build_generator
from models.losses import word_loss
from models.sprite import SpriteDecoder

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
    decoder="sprite", word_heads=True, motion_width=32, critic_width=32, channels=4, frame_critic_channels=8
)
TRAIN = TrainConfig(steps=60, prompts_per_batch=8, clips_per_prompt=2, threads=1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    folder, config = tmp_path_factory.mktemp("data"), DataConfig(clips=120, shards=1)
    write_manifest(folder, world=WORLD, data=config, shards=[write_shard(folder, world=WORLD, data=config, shard=0)])
    return load_clips(folder)


def game(clips: ClipTensors, *, model: ModelConfig = MODEL, train: TrainConfig = TRAIN) -> Adversary:
    return Adversary(clips=clips, world=WORLD, model=model, train=train, device=torch.device("cpu"))


def test_the_words_are_told_from_pixels_alone(clips: ClipTensors) -> None:
    played = game(clips)
    pictures = {CLIP: torch.rand(4, 4, 3, 16, 16) * 2 - 1, FRAME: torch.rand(4, 3, 32, 32) * 2 - 1}
    for name, critic in played.critics.items():
        told = [
            critic(pictures[name], played.prompt_features[rows], played.prompt_counts[rows])
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
        logit = plain.words[0, word] - critic.heads.offsets[word]
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


def test_a_sprite_is_one_thing_that_moves_with_its_pose() -> None:
    torch.manual_seed(0)
    decoder = build_generator(MODEL, WORLD).decoder
    assert isinstance(decoder, SpriteDecoder)
    for part in (decoder.pose, decoder.bend[-1]):
        torch.nn.init.zeros_(part.weight)
    latents = torch.randn(1, MODEL.motion + MODEL.content)

    def centroid(across: float, down: float) -> torch.Tensor:
        decoder.pose.bias = torch.nn.Parameter(torch.tensor([across, down, 0.0, 0.0]))
        ink = (decoder(latents)[0] - decoder(latents)[0, :, :1, :1]).abs().sum(0)
        place = torch.arange(32.0)
        return torch.stack([(ink.sum(0) * place).sum(), (ink.sum(1) * place).sum()]) / ink.sum()

    with torch.no_grad():
        moved = centroid(0.25, -0.25) - centroid(0.0, 0.0)
    torch.testing.assert_close(moved, torch.tensor([4.0, -4.0]), atol=0.3, rtol=0)
