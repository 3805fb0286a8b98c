"""Where things are, as heat maps: what both decoders draw from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.bounded import bounded
from models.config import ModelConfig

TYPICAL_SIZE = 0.1  # of a thing at the start, where the picture spans -1 to 1


class Heat(NamedTuple):
    """`maps` (F, K, H * W) of the K keypoints of all things over H rows and W columns.

    And the `sizes` (F, things, 1) of the things, where the picture spans -1 to 1.
    """

    maps: Tensor
    sizes: Tensor


class Constellation(nn.Module):
    """A thing is a constellation of keypoints, each a Gaussian heat map that carries a vector of features.

    The content latent decides what the constellation looks like, and so does not change within a clip; the motion
    latent gives each frame's pose: where the constellation is, how large, how it is turned. The pose is linear in the
    latent but for a bend, where there is one, small at first, that makes the kinks of a bounce out of smooth latents.
    Keypoints stay within one size of its centre, so that their heat has one hill: it shows one thing, and to have
    that elsewhere the pose must change. A motion that was never seen has its places from the sum of what its words
    say, and a thing is drawn there as anywhere else.

    Heat maps as the bottleneck of a picture follow Jakab et al., "Unsupervised Learning of Object Landmarks through
    Conditional Image Generation" (2018); here the discriminators' gradient alone moves them.
    """

    grid: Tensor

    def __init__(self, config: ModelConfig, *, channels: int, side: int, finest: float, bends: bool) -> None:
        """Maps of `side` by `side` places, with `channels` features a keypoint.

        `finest` is the smallest size of a thing; without `bends`, its pose is linear in the motion latent.
        """
        super().__init__()
        self.things, self.keypoints, self.channels, self.finest = config.things, config.keypoints, channels, finest
        self.widths = [config.motion, config.content]
        self.pose = nn.Linear(config.motion, 4 * self.things)
        bend = nn.Sequential(nn.Linear(config.motion, 64), nn.LeakyReLU(0.2), nn.Linear(64, 4 * self.things))
        self.bend = bend if bends else None
        self.constellation = nn.Linear(config.content, (3 * self.keypoints + 1) * self.things)
        self.features = nn.Sequential(
            nn.Linear(config.content, 64), nn.LeakyReLU(0.2), nn.Linear(64, self.things * self.keypoints * channels)
        )
        self.register_buffer("grid", (torch.arange(side) + 0.5) * (2 / side) - 1, persistent=False)

    def initialise_heat(self) -> None:
        """Set the weights of poses and constellations; after `initialise`, which would set them otherwise."""
        motion, content = self.widths
        nn.init.normal_(self.pose.weight, std=0.4 / motion**0.5)
        if self.bend is not None:
            nn.init.normal_(self.bend.get_parameter("2.weight"), std=0.1 / 64**0.5)
        nn.init.normal_(self.constellation.weight, std=0.2 / content**0.5)
        sizes = self.constellation.weight.view(self.things, -1, content)[:, -1]
        nn.init.normal_(sizes, std=1 / content**0.5)  # sizes differ from the start
        nn.init.normal_(self.constellation.bias, std=0.3)

    def heat(self, motion: Tensor, content: Tensor, *, rows: Tensor, columns: Tensor) -> Heat:
        """Heat at `rows` (H,) and `columns` (W,), from -1 to 1, of motion (F, M) and content (F, C) latents."""
        x, y, sizes, spread = self._keypoints(motion, content)
        width = (sizes * spread).flatten(1).unsqueeze(2)
        across, down = (columns - x.unsqueeze(2)) / width, (rows - y.unsqueeze(2)) / width
        return Heat((_bump(down).unsqueeze(3) * _bump(across).unsqueeze(2)).flatten(2), sizes)

    def features_of(self, content: Tensor) -> Tensor:
        """Features (F, K, channels) of the keypoints of all things, from content (F, C)."""
        features: Tensor = self.features(content)
        return features.view(len(content), -1, self.channels)

    def _keypoints(self, motion: Tensor, content: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Places x and y (F, K) of all keypoints, sizes (F, things, 1), and keypoints' widths in sizes (F, things, -).

        K counts thing after thing.
        """
        pose = self.pose(motion) if self.bend is None else self.pose(motion) + self.bend(motion)
        across, down, growth, turn = pose.view(-1, self.things, 4, 1).unbind(2)  # (F, things, 1) each
        shape = torch.tanh(self.constellation(content)).view(-1, self.things, 3 * self.keypoints + 1)
        right, below, spread = shape[..., :-1].view(-1, self.things, 3, self.keypoints).unbind(2)
        size = self.finest + TYPICAL_SIZE * torch.exp(2 * torch.tanh((growth + shape[..., -1:]) / 2))
        across, down = bounded(across, 1), bounded(down, 1)  # out of the picture nothing would lead it back
        cos, sin = torch.cos(turn), torch.sin(turn)
        x = across + size * (cos * right - sin * below)
        y = down + size * (sin * right + cos * below)
        return x.flatten(1), y.flatten(1), size, torch.exp(0.5 * spread)


def _bump(distance: Tensor) -> Tensor:
    """Gaussian of unit height. The bound keeps far pixels from denormal numbers, which CPUs are slow at."""
    return torch.exp(-0.5 * distance.square().clamp(max=40))
