"""What a thing looks like and where it is: a constellation of keypoints, and poses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.bounded import bounded

TYPICAL_SIZE = 0.1  # of a thing at the start, where the picture spans -1 to 1


class Pose(NamedTuple):
    """Where a thing is in each of F frames, and how it is turned: four tensors (F,).

    `across` and `down` are from -1 to 1 over the picture; `growth` and that of the keypoints add up to the argument of
    `size_of`; `turn` is in radians, clockwise.
    """

    across: Tensor
    down: Tensor
    growth: Tensor
    turn: Tensor


class Keypoints(NamedTuple):
    """The keypoints of F constellations, each in the thing's own frame, whose unit is its size.

    Places `right` and `below` (F, K) from -1 to 1, widths `spread` (F, K) and what the constellation says of the size,
    `growth` (F,).
    """

    right: Tensor
    below: Tensor
    spread: Tensor
    growth: Tensor


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

    def __init__(
        self, config: ModelConfig, *, channels: int, bends: bool, growing: float = 1, turning: float = 1
    ) -> None:
        """Of each keypoint `channels` features; without `bends`, poses are linear in the motion latent.

        `growing` and `turning` scale what poses say of size and turn, and so how fast they learn it, against places.
        """
        super().__init__()
        self.keypoints, self.channels = config.keypoints, channels
        self.growing, self.turning = growing, turning
        self.widths = [config.motion, config.content]
        self.pose = nn.Linear(config.motion, 4)
        self.bend = nn.Sequential(nn.Linear(config.motion, 64), nn.LeakyReLU(0.2), nn.Linear(64, 4)) if bends else None
        self.constellation = nn.Linear(config.content, 3 * self.keypoints + 1)
        self.features = nn.Sequential(
            nn.Linear(config.content, 64), nn.LeakyReLU(0.2), nn.Linear(64, self.keypoints * channels)
        )

    def initialise_constellation(self) -> None:
        """Set the weights of poses and constellations; after `initialise`, which would set them otherwise."""
        motion, content = self.widths
        nn.init.normal_(self.pose.weight, std=0.4 / motion**0.5)
        if self.bend is not None:
            nn.init.normal_(self.bend.get_parameter("2.weight"), std=0.1 / 64**0.5)
        nn.init.normal_(self.constellation.weight, std=0.2 / content**0.5)
        nn.init.normal_(self.constellation.weight[-1], std=1 / content**0.5)  # sizes differ from the start
        nn.init.normal_(self.constellation.bias, std=0.3)

    def pose_of(self, motion: Tensor) -> Pose:
        """From motion latents (F, M)."""
        pose = self.pose(motion) if self.bend is None else self.pose(motion) + self.bend(motion)
        across, down, growth, turn = pose.unbind(1)
        across, down = bounded(across, 1), bounded(down, 1)  # out of the picture nothing would lead it back
        return Pose(across, down, self.growing * growth, self.turning * turn)

    def keypoints_of(self, content: Tensor) -> Keypoints:
        """From content latents (F, C)."""
        shape = torch.tanh(self.constellation(content))
        right, below, spread = shape[:, :-1].view(-1, 3, self.keypoints).unbind(1)
        return Keypoints(right, below, torch.exp(0.5 * spread), shape[:, -1])

    def features_of(self, content: Tensor) -> Tensor:
        """Features (F, K, channels) of the keypoints, from content latents (F, C)."""
        features: Tensor = self.features(content)
        return features.view(len(content), self.keypoints, self.channels)


def size_of(growth: Tensor, *, finest: float) -> Tensor:
    """Sizes of things, any shape, where the picture spans -1 to 1, from the sum of their growth; at least `finest`."""
    return finest + TYPICAL_SIZE * torch.exp(2 * torch.tanh(growth / 2))


def heat(x: Tensor, y: Tensor, width: Tensor, *, columns: Tensor, rows: Tensor) -> Tensor:
    """Gaussians of unit height (F, K, H * W) at `rows` (H,) and `columns` (W,), of keypoints at x and y, all (F, K)."""
    across, down = ((line - at.unsqueeze(2)) / width.unsqueeze(2) for line, at in ((columns, x), (rows, y)))
    return (_bump(down).unsqueeze(3) * _bump(across).unsqueeze(2)).flatten(2)


def _bump(distance: Tensor) -> Tensor:
    """A Gaussian of unit height. The bound keeps far pixels from denormal numbers, which CPUs are slow at."""
    return torch.exp(-0.5 * distance.square().clamp(max=40))
