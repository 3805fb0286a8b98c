"""The discriminators: what they see, how they judge text, and what word heads learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from data.reading.dataset import ClipTensors
from data.worlds.world import WorldConfig
from models.config import ModelConfig, Part
from models.networks.clip_discriminator import ClipDiscriminator
from models.networks.frame_discriminator import FrameDiscriminator
from models.text.features import build_text
from models.training.flipbook_game import CLIP, FRAME, FlipbookGame
from tests.models.tiny import LEFT, MODEL, SHRINKING, TRAIN, WORLD, make_clips, square

STARS = WorldConfig(
    frame_size=32,
    frames=4,
    shapes=("circle", "star"),
    colours=("red", "blue"),
    radius=(9, 11),
    phrases=("moving left", "shrinking"),
    held_out=(),
)
HEADS = ModelConfig(
    decoder="sprite",
    word_heads=True,
    fast_waves=0,
    motion_width=32,
    discriminator_width=32,
    channels=4,
    frame_discriminator_channels=8,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def stars(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    return make_clips(tmp_path_factory.mktemp("stars"), STARS, count=120)


def _game(stars: ClipTensors, *, model: ModelConfig = HEADS, **changes: Any) -> FlipbookGame:
    train = TRAIN.model_copy(update={"prompts_per_batch": 4, "frames_per_batch": 8} | changes)
    return FlipbookGame(clips=stars, subject=STARS, model=model, train=train, device=CPU)


def test_every_weight_of_every_network_learns(clips: ClipTensors) -> None:
    game = FlipbookGame(clips=clips, subject=WORLD, model=MODEL, train=TRAIN, device=CPU)
    before = {
        (name, key): value.clone() for name, part in game.modules.items() for key, value in part.named_parameters()
    }
    for _ in range(4):
        game.step()
    for name, part in game.modules.items():
        for key, value in part.named_parameters():
            assert not torch.equal(value, before[name, key]), f"{name}.{key} did not change"


def test_the_clip_discriminator_judges_the_text() -> None:
    text = build_text(MODEL, WORLD)
    network = ClipDiscriminator(MODEL, text=text, labels=0, clip=square(32, frames=4), group=2)
    pictures = torch.rand(4, 4, 3, 16, 16) * 2 - 1
    features = [text.features([prompt] * 4) for prompt in (LEFT, SHRINKING)]
    one, other = (network(pictures, asked, torch.zeros(4, 0)).scores for asked in features)
    assert not torch.allclose(one, other)
    deaf = ModelConfig.model_validate(MODEL.model_dump() | {"without": ("text_in_discriminator",)})
    network = ClipDiscriminator(deaf, text=text, labels=0, clip=square(32, frames=4), group=2)
    one, other = (network(pictures, asked, torch.zeros(4, 0)).scores for asked in features)
    assert torch.equal(one, other)


@pytest.mark.parametrize("part", get_args(Part))
def test_networks_lack_the_part_that_is_left_out_and_still_train(part: Part, clips: ClipTensors) -> None:
    model = ModelConfig.model_validate(MODEL.model_dump() | {"without": (part,)})
    game = FlipbookGame(clips=clips, subject=WORLD, model=model, train=TRAIN, device=CPU)
    motion, judge = game.generator.motion, game.discriminators[CLIP]
    basis = motion.basis / motion.basis[0, 0]
    lacking = {
        "clip_latent": game.generator.draw_noise(2, random=torch.Generator()).dim() == 3,
        "text_in_discriminator": judge.text is None and judge.verdict.projection is None,
        "linear_text": motion.from_text is None,
        "cosines": torch.equal(basis, torch.eye(4)),
    }
    assert [name for name, lacks in lacking.items() if lacks] == [part]
    before = [value.clone() for value in game.generator.parameters()]
    game.step()
    assert any(not torch.equal(one, two) for one, two in zip(before, game.generator.parameters(), strict=True))


def test_word_heads_tell_the_words_from_the_pixels_alone(stars: ClipTensors) -> None:
    game = _game(stars)
    pictures = {CLIP: torch.rand(4, 4, 3, 16, 16) * 2 - 1, FRAME: torch.rand(4, 3, 32, 32) * 2 - 1}
    for name, network in game.discriminators.items():
        one, other = (
            network(pictures[name], asked.features, asked.labels)
            for asked in (
                game.captions.of(torch.tensor(rows), torch.tensor(rows)) for rows in ([0, 0, 1, 1], [5, 5, 6, 6])
            )
        )
        assert torch.equal(one.words, other.words)
        assert not torch.equal(one.scores, other.scores)


def test_the_score_consists_of_the_logits_of_the_prompts_words() -> None:
    text, words = build_text(HEADS, STARS), len(STARS.vocabulary.words)
    network = FrameDiscriminator(HEADS, text=text, labels=words, clip=square(32))
    frame, features = torch.rand(1, 3, 32, 32), text.features(STARS.seen_prompts[:1])
    without = network(frame, features, torch.zeros(1, words))
    for word, labels in enumerate(torch.eye(words)):
        judged = network(frame, features, labels.unsqueeze(0))
        logit = without.words[0, word] - network.verdict.heads.offsets[word]
        torch.testing.assert_close(judged.scores[0] - without.scores[0], logit)


def test_the_weight_of_the_words_teaches_the_word_heads(stars: ClipTensors) -> None:
    def loss_of_words(weight: float) -> float:
        game = _game(stars, word_weight=weight, generator_word_weight=0.0, steps=80)
        losses = [game.step()[f"{CLIP}_words"] for _ in range(80)]
        return float(torch.stack(losses[-10:]).mean())

    assert loss_of_words(1.0) < 0.75 * loss_of_words(0.0)


def test_a_training_with_word_heads_goes_on_to_the_same_weights(stars: ClipTensors, tmp_path: Path) -> None:
    whole, part, resumed = _game(stars), _game(stars), _game(stars)
    for _ in range(4):
        whole.step()
    for _ in range(2):
        part.step()
    torch.save(part.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for _ in range(2):
        resumed.step()
    for name, module in whole.modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, resumed.modules[name].state_dict()[key]), (name, key)


def test_without_word_heads_no_words_are_learned(stars: ClipTensors) -> None:
    losses = _game(stars, model=HEADS.model_copy(update={"word_heads": False})).step()
    assert not [name for name in losses if name.endswith("words")]


@pytest.mark.parametrize("pooling", [True, False])
def test_only_a_pooling_frame_discriminator_ignores_where_an_object_is(pooling: bool) -> None:
    torch.manual_seed(0)
    model = HEADS.model_copy(update={"frame_pooling": pooling})
    text = build_text(model, STARS)
    network = FrameDiscriminator(model, text=text, labels=len(STARS.vocabulary.words), clip=square(64))
    here = torch.ones(1, 3, 64, 64)
    here[..., 18:30, 18:30] = torch.rand(3, 12, 12)
    features = text.features(STARS.seen_prompts[:1])
    seen = [network(frame, features, features).words for frame in (here, here.roll((16, 8), dims=(2, 3)))]
    assert torch.allclose(*seen, atol=1e-5) == pooling


def test_the_clip_discriminator_sees_groups_of_one_prompt_and_every_second_pixel(stars: ClipTensors) -> None:
    game, seen = _game(stars), []
    game.discriminators[CLIP].register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    game.step()
    clips, _, labels = seen[0]
    assert clips.shape == (8, 4, 3, 16, 16)
    assert torch.equal(labels[::2], labels[1::2])


def test_the_frame_discriminator_sees_single_frames_of_many_prompts(stars: ClipTensors) -> None:
    game, seen = _game(stars, frames_per_batch=64), []
    game.discriminators[FRAME].register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    game.step()
    frames, features, _ = seen[0]
    assert frames.shape == (64, 3, 32, 32)
    assert len(features.unique(dim=0)) == len(STARS.seen_prompts)


def test_real_clips_are_judged_with_the_prompts_of_the_next_group_in_the_first_half_of_the_training(
    clips: ClipTensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = FlipbookGame(clips=clips, subject=WORLD, model=MODEL, train=TRAIN, device=CPU)
    judge, asked = game.discriminators[CLIP].judge, []
    monkeypatch.setattr(
        game.discriminators[CLIP], "judge", lambda seen, text, labels: asked.append(text) or judge(seen, text, labels)
    )
    differ = []
    for step in range(TRAIN.steps):
        asked.clear()
        assert ("wrong_prompts" in game.step()) == (step < 3)
        real, _, wrong, *_ = asked  # the second one is for generated clips
        if step < 3:
            assert torch.equal(wrong, torch.cat([real[2:], real[:2]]))
            differ.append(not torch.equal(wrong, real))
    assert any(differ)
