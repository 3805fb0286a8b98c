"""What all decoders promise: any part of the pixels can be drawn alone, and objects look the same everywhere."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.conv_decoder import ConvDecoder
from models.networks.keypoint_decoder import KeypointDecoder
from models.networks.layer_decoder import LayerDecoder
from models.networks.sprite_decoder import TURNING, SpriteDecoder
from tests.models.tiny import square

SIZE, MARGIN = 64, 24
STEP = 4  # px
DECODERS = [KeypointDecoder, SpriteDecoder, LayerDecoder]


def _decoder(kind: type[KeypointDecoder | SpriteDecoder]) -> nn.Module:
    """A decoder whose poses are the first four motion latents."""
    torch.manual_seed(0)
    decoder = kind(ModelConfig(decoder="sprite", motion=4), clip=square(SIZE))
    nn.init.eye_(decoder.pose.weight)
    return decoder


def _latents(*poses: tuple[float, float]) -> Tensor:
    """Latents (1, objects, 1, M + C) of one frame. Objects differ only in their places, across and down."""
    content = torch.randn(16, generator=torch.Generator().manual_seed(1))
    objects = [torch.cat([torch.tensor([across, down, -0.5, 0.3]), content]) for across, down in poses]
    return torch.stack(objects).view(1, len(poses), 1, -1)


@pytest.mark.parametrize("kind", [*DECODERS, ConvDecoder])
@pytest.mark.parametrize("phase", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_every_second_pixel_is_the_same_as_in_the_whole_picture(
    kind: type[KeypointDecoder | SpriteDecoder | ConvDecoder], phase: tuple[int, int]
) -> None:
    decoder = kind(ModelConfig(), clip=square(32))
    latents = torch.randn(3, 1, 2, 48)
    torch.testing.assert_close(decoder(latents, phase), decoder(latents)[..., phase[0] :: 2, phase[1] :: 2])


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("steps", [(1, 0), (0, -2), (2, 1)])
def test_an_object_looks_the_same_wherever_it_is(
    kind: type[KeypointDecoder | SpriteDecoder], steps: tuple[int, int]
) -> None:
    decoder = _decoder(kind)
    here = decoder(_latents((0.0, 0.0)))
    there = decoder(_latents((steps[0] * STEP * 2 / SIZE, steps[1] * STEP * 2 / SIZE)))
    moved = here.roll((steps[1] * STEP, steps[0] * STEP), dims=(3, 4))
    inside = (..., slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    torch.testing.assert_close(there[inside], moved[inside], atol=1e-4, rtol=0)
    assert (there - here)[inside].abs().max() > 0.005  # it has moved


def test_two_objects_move_independently() -> None:
    decoder = _decoder(LayerDecoder)
    before, after = decoder(_latents((-0.7, 0), (0.7, 0))), decoder(_latents((-0.7, 0.3), (0.7, 0)))
    change = (after - before).abs().amax(dim=(0, 1, 2, 3))  # per column
    assert change[: SIZE // 2].max() > 0.005
    assert change[3 * SIZE // 4 :].max() < 1e-4


def test_every_second_pixel_of_two_objects_is_the_same_as_in_the_whole_picture() -> None:
    decoder, latents = _decoder(LayerDecoder), _latents((-0.5, 0.1), (0.5, 0.2))
    torch.testing.assert_close(decoder(latents, (1, 0)), decoder(latents)[..., 1::2, 0::2])


def test_an_object_that_turns_by_90_degrees_is_drawn_turned_by_90_degrees() -> None:
    decoder = _decoder(SpriteDecoder)
    upright = _latents((0.0, 0.0))
    turned = upright.clone()
    turned[..., 3] += math.pi / 2 / TURNING
    torch.testing.assert_close(decoder(turned), decoder(upright).rot90(-1, dims=(3, 4)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_the_pose_of_a_layer_is_the_pose_of_its_centre_of_mass(turn: float) -> None:
    decoder = _decoder(LayerDecoder)
    at = (0.25, -0.125)
    latents = _latents(at)
    latents[..., 2:4] = torch.tensor([-2.0, turn / TURNING])  # small enough to fit into the picture
    latents[..., 4:] *= 3  # far from symmetric
    picture = decoder(latents)[0, 0]
    mass = (picture - picture[:, :1, :1]).abs().sum(0)
    line = (torch.arange(SIZE) + 0.5) * 2 / SIZE - 1
    found = torch.stack([(mass.sum(0) @ line), (mass.sum(1) @ line)]) / mass.sum()
    assert mass.max() > 0.1
    torch.testing.assert_close(found, torch.tensor(at), atol=2 / SIZE, rtol=0)  # one pixel


def test_the_later_of_two_objects_covers_the_earlier() -> None:
    decoder = _decoder(LayerDecoder)
    nn.init.constant_(decoder.ink.bias, 50.0)  # opaque in the middle of an object
    there, away = _latents((0.0, 0.0)), _latents((0.9, 0.9))
    for part in (there, away):
        part[..., 4:] = torch.randn(16, generator=torch.Generator().manual_seed(2))  # another colour
    alone, behind, hidden, bare = (
        decoder(torch.cat(objects, dim=1))[..., SIZE // 2, SIZE // 2]
        for objects in (
            [away, _latents((0.0, 0.0))],
            [_latents((0.0, 0.0)), there],
            [there, _latents((0.0, 0.0))],
            [there, away],
        )
    )
    torch.testing.assert_close(hidden, alone)
    torch.testing.assert_close(behind, bare)
    assert (behind - hidden).abs().max() > 0.1


def test_a_clip_is_drawn_like_its_frames_one_by_one() -> None:
    decoder = LayerDecoder(ModelConfig(decoder="layers", objects=2), clip=square(32))
    latents = torch.cat([torch.randn(3, 2, 4, 32), torch.randn(3, 2, 1, 16).expand(-1, -1, 4, -1)], dim=3)
    one_by_one = torch.cat([decoder(latents[:, :, [moment]]) for moment in range(4)], dim=1)
    torch.testing.assert_close(decoder(latents), one_by_one, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", DECODERS)
def test_pictures_are_drawn_and_learned_in_half_precision(kind: type[KeypointDecoder | SpriteDecoder]) -> None:
    decoder = kind(ModelConfig(), clip=square(32))
    latents = torch.cat([torch.randn(2, 1, 3, 32), torch.randn(2, 1, 1, 16).expand(-1, -1, 3, -1)], dim=3)
    exact = decoder(latents)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pictures = decoder(latents)
    assert (pictures.float() - exact).abs().mean() < 0.01
    pictures.float().square().sum().backward()
    assert all(weight.grad is not None for weight in decoder.parameters())


def test_every_weight_of_two_layers_gets_a_gradient() -> None:
    decoder = LayerDecoder(ModelConfig(decoder="layers", objects=2), clip=square(32))
    decoder(torch.randn(2, 2, 3, 48)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in decoder.parameters())
