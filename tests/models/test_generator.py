"""Our generator: the clips that it draws, and how text and noise change them."""

from __future__ import annotations

import torch
from torch import Tensor

from models.config import ModelConfig
from models.networks.generator import build_generator
from models.networks.sprite_decoder import SpriteDecoder
from models.text.tokens import word_counts
from tests.models.tiny import LEFT, MODEL, SHRINKING, WORLD

ADDITIVE = ModelConfig(decoder="sprite", additive_content=True, motion_width=32, channels=4)


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_generator_draws_clips_of_the_worlds_size_within_range() -> None:
    generator = build_generator(MODEL, WORLD)
    clips = generator(generator.draw_noise(5, random=_random()), word_counts(WORLD.vocabulary, [LEFT] * 5))
    assert clips.shape == (5, 4, 3, 32, 32)
    assert clips.abs().max() <= 1


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
    decoder = build_generator(ADDITIVE, WORLD).decoder
    assert isinstance(decoder, SpriteDecoder)
    motion, contents = torch.randn(1, ADDITIVE.motion), torch.randn(2, ADDITIVE.content)
    poses = [decoder.pose_of(motion) for _ in contents]
    assert all(torch.equal(one, other) for one, other in zip(*poses, strict=True))
    pictures = [decoder(torch.cat([motion, content.unsqueeze(0)], dim=1).view(1, 1, 1, -1)) for content in contents]
    assert not torch.equal(*pictures)


def test_a_word_adds_the_same_to_the_content_beside_all_other_words() -> None:
    torch.manual_seed(0)
    motion = build_generator(ADDITIVE, WORLD).motion
    noise = torch.randn(1, ADDITIVE.latent_size)
    red, star, left = torch.randn(3, 1, ADDITIVE.text_width)

    def content(text: Tensor) -> Tensor:
        return motion(noise, text)[0][..., ADDITIVE.motion :]

    with torch.no_grad():
        torch.testing.assert_close(content(red + star) - content(red), content(star + left) - content(left))
