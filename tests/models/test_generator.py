"""Our generator: the clips that it draws, and how text and noise change them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.config import ModelConfig
from models.networks.generator import build_generator
from models.networks.motion import shrunk
from models.networks.sprite_decoder import SpriteDecoder
from models.text.tokens import word_counts
from tests.models.tiny import LEFT, MODEL, SHRINKING, WORLD

SPRITE = ModelConfig(decoder="sprite", motion_width=32, channels=4)
MANY_LOOKS = WORLD.model_copy(update={"shapes": ("circle", "star"), "colours": ("blue", "red")})


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_generator_draws_clips_of_the_worlds_size_within_range() -> None:
    generator = build_generator(MODEL, WORLD)
    clips = generator(generator.draw_noise(5, random=_random()), word_counts(WORLD.vocabulary, [LEFT] * 5))
    assert clips.shape == (5, 4, 3, 32, 32)
    assert clips.abs().max() <= 1


@pytest.mark.parametrize("decoder", ["keypoint", "sprite", "conv"])
def test_a_generator_begins_with_pictures_that_are_mostly_as_bright_as_its_background(decoder: str) -> None:
    words = word_counts(WORLD.vocabulary, [LEFT] * 5)
    means = {}
    for background in ("white", "black"):
        torch.manual_seed(0)
        config = MODEL.model_copy(update={"decoder": decoder, "background": background})
        generator = build_generator(config, WORLD)
        means[background] = generator(generator.draw_noise(5, random=_random()), words).mean().item()
    assert means["white"] > 0.5
    assert means["black"] == pytest.approx(-means["white"])


def test_a_free_term_below_the_threshold_is_0_and_a_large_one_keeps_its_direction() -> None:
    free = torch.tensor([[0.1, -0.1], [3.0, 4.0]])
    small, large = shrunk(free, torch.tensor(0.5))
    assert torch.equal(small, torch.zeros(2))
    size = (12.5**0.5 - 0.5) / 12.5**0.5
    torch.testing.assert_close(large, size * free[1])


def test_the_text_changes_the_clip() -> None:
    generator = build_generator(MODEL, WORLD)
    noise = generator.draw_noise(1, random=_random())
    left, shrinking = (generator(noise, word_counts(WORLD.vocabulary, [prompt])) for prompt in (LEFT, SHRINKING))
    assert (left - shrinking).abs().max() > 1e-3


def test_an_object_that_strays_off_the_picture_is_drawn_at_its_edge() -> None:
    decoder = build_generator(MODEL, WORLD).decoder
    torch.nn.init.constant_(decoder.pose.bias, 50.0)
    pictures = decoder(torch.randn(4, 1, 1, MODEL.motion + MODEL.content)).squeeze(1)
    assert (pictures.flatten(1).amax(1) - pictures.flatten(1).amin(1) > 0.01).all()


def test_the_content_decides_the_look_and_not_the_place() -> None:
    torch.manual_seed(0)
    decoder = build_generator(SPRITE, WORLD).decoder
    assert isinstance(decoder, SpriteDecoder)
    motion, contents = torch.randn(1, SPRITE.motion), torch.randn(2, SPRITE.content)
    poses = [decoder.pose_of(motion) for _ in contents]
    assert all(torch.equal(one, other) for one, other in zip(*poses, strict=True))
    pictures = [decoder(torch.cat([motion, content.unsqueeze(0)], dim=1).view(1, 1, 1, -1)) for content in contents]
    assert not torch.equal(*pictures)


def _changed_frames(model: ModelConfig, noise_of: Callable[[Tensor], Tensor]) -> list[bool]:
    """Which frames of a clip change if a part of its noise becomes 0."""
    generator = build_generator(model, WORLD)
    noise = generator.draw_noise(1, random=_random())
    other = noise.clone()
    noise_of(other).zero_()
    text = word_counts(WORLD.vocabulary, [LEFT])
    pairs = zip(generator(noise, text)[0], generator(other, text)[0], strict=True)
    return [not torch.equal(one, two) for one, two in pairs]


def test_one_noise_draws_all_frames_and_without_the_clip_latent_each_frame_has_its_own() -> None:
    apart = ModelConfig.model_validate(MODEL.model_dump() | {"without": ("clip_latent",)})
    assert _changed_frames(MODEL, lambda noise: noise[:, :4]) == [True] * 4
    assert _changed_frames(apart, lambda noise: noise[:, 2]) == [False, False, True, False]


def test_the_motion_of_words_adds_up_if_their_free_terms_are_below_the_threshold() -> None:
    torch.manual_seed(0)
    motion = build_generator(MODEL, WORLD).motion
    motion.threshold.fill_(1e3)
    noise = torch.randn(1, MODEL.latent_size)
    up, left, moving = torch.randn(3, 1, MODEL.text_width)

    def places(text: Tensor) -> Tensor:
        return motion(noise, text)[0][..., : MODEL.motion]

    with torch.no_grad():
        added = places(moving + up) + places(moving + left) - places(moving)
        torch.testing.assert_close(places(moving + up + left), added, rtol=1e-3, atol=1e-4)


def test_a_word_adds_the_same_to_the_content_beside_all_other_words() -> None:
    torch.manual_seed(0)
    motion = build_generator(SPRITE, MANY_LOOKS).motion
    noise = torch.randn(1, SPRITE.latent_size)
    red, star, left = torch.randn(3, 1, SPRITE.text_width)

    def content(text: Tensor) -> Tensor:
        return motion(noise, text)[0][..., SPRITE.motion :]

    with torch.no_grad():
        torch.testing.assert_close(content(red + star) - content(red), content(star + left) - content(left))


def test_in_a_world_of_one_look_neither_noise_nor_text_changes_the_content() -> None:
    motion = build_generator(SPRITE, WORLD).motion
    latents, _ = motion(torch.randn(5, SPRITE.latent_size), torch.randn(5, SPRITE.text_width))
    content = latents[..., SPRITE.motion :]
    assert torch.equal(content, content[:1, :1].expand_as(content))
