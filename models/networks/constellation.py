"""How an object looks and where it is: a constellation of keypoints, and its pose in each frame.

Lengths here are relative to the picture, which spans -1 to 1 both ways.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.bounded import bounded

TYPICAL_SIZE = 0.1  # Size of an object at the start of the training.


class Pose(NamedTuple):
    """Where an object is in each of F frames, how large it is, and how it is turned: four tensors (F,)."""

    across: Tensor
    """Place from left to right, -1 to 1."""
    down: Tensor
    """Place from top to bottom, -1 to 1."""
    growth: Tensor
    """Added to the growth of the keypoints; `size_of` turns the sum into a size."""
    turn: Tensor
    """Angle in radians, clockwise."""


class Keypoints(NamedTuple):
    """The K keypoints of F constellations. Lengths are relative to the object's size, and (0, 0) is its centre."""

    right: Tensor
    """Places from left to right, (F, K) in -1 to 1."""
    below: Tensor
    """Places from top to bottom, (F, K) in -1 to 1."""
    spread: Tensor
    """Widths of the Gaussians, (F, K)."""
    growth: Tensor
    """(F,), added to the growth of the pose."""


class Constellation(nn.Module):
    """An object as a constellation of keypoints. Each keypoint is a Gaussian heat map with a vector of features.

    The content latent gives the constellation, so the object looks the same in the whole clip. The motion latent gives
    the pose of each frame. The pose is linear in the latent, so what the words say of a motion adds up in the picture.

    Keypoints stay within one size of the object's centre, so that their heat has one hill. The network can therefore
    draw the object elsewhere only by changing its pose. An unseen motion then gets its places from the sum of what its
    words say, and the object is drawn there as anywhere else.

    Heat maps as a bottleneck come from Jakab et al., "Unsupervised Learning of Object Landmarks through Conditional
    Image Generation" (2018). Here only the gradient of the discriminators moves them.
    """

    def __init__(self, config: ModelConfig, *, channels: int, growing: float = 1, turning: float = 1) -> None:
        """Layers with random weights; `initialise_constellation` sets them.

        Args:
            config: sizes of the latents, and the number of keypoints.
            channels: features of each keypoint.
            growing: scale of the pose's growth. A small scale lets it learn more slowly than the place.
            turning: the same for the pose's turn.
        """
        super().__init__()
        self.keypoints, self.channels = config.keypoints, channels
        self.growing, self.turning = growing, turning
        self.widths = [config.motion, config.content]
        self.pose = nn.Linear(config.motion, 4)
        self.constellation = nn.Linear(config.content, 3 * self.keypoints + 1)
        self.features = nn.Sequential(
            nn.Linear(config.content, 64), nn.LeakyReLU(0.2), nn.Linear(64, self.keypoints * channels)
        )

    def initialise_constellation(self) -> None:
        """Set the weights of poses and constellations. Call it after `initialise`, which sets them differently."""
        motion, content = self.widths
        nn.init.normal_(self.pose.weight, std=0.4 / motion**0.5)
        nn.init.normal_(self.constellation.weight, std=0.2 / content**0.5)
        nn.init.normal_(self.constellation.weight[-1], std=1 / content**0.5)  # Sizes differ from the start.
        nn.init.normal_(self.constellation.bias, std=0.3)

    def pose_of(self, motion: Tensor) -> Pose:
        """The poses of F frames, from motion latents (F, M)."""
        across, down, growth, turn = self.pose(motion).unbind(1)
        across, down = bounded(across, 1), bounded(down, 1)  # No gradient would bring back an object out of sight.
        return Pose(across, down, self.growing * growth, self.turning * turn)

    def keypoints_of(self, content: Tensor) -> Keypoints:
        """The keypoints of F constellations, from content latents (F, C)."""
        shape = torch.tanh(self.constellation(content))  # (F, 3 K + 1)
        right, below, spread = shape[:, :-1].view(-1, 3, self.keypoints).unbind(1)
        return Keypoints(right, below, torch.exp(0.5 * spread), shape[:, -1])

    def features_of(self, content: Tensor) -> Tensor:
        """The features (F, K, channels) of the keypoints, from content latents (F, C)."""
        features: Tensor = self.features(content)
        return features.view(len(content), self.keypoints, self.channels)


def size_of(growth: Tensor, *, finest: float) -> Tensor:
    """Sizes of objects from the sum of pose's and keypoints' growth, any shape. No size is below `finest`."""
    return finest + TYPICAL_SIZE * torch.exp(2 * torch.tanh(growth / 2))


def heat(x: Tensor, y: Tensor, width: Tensor, *, columns: Tensor, rows: Tensor) -> Tensor:
    """Gaussian heat maps of height 1: (F, K, H * W).

    Args:
        x: places of the keypoints from left to right, (F, K).
        y: places of the keypoints from top to bottom, (F, K).
        width: standard deviations, (F, K).
        columns: places of the pixels' columns, (W,).
        rows: places of the pixels' rows, (H,).
    """
    across, down = ((line - at.unsqueeze(2)) / width.unsqueeze(2) for line, at in ((columns, x), (rows, y)))
    return (_gaussian(down).unsqueeze(3) * _gaussian(across).unsqueeze(2)).flatten(2)


def _gaussian(distance: Tensor) -> Tensor:
    """A Gaussian of height 1. The clamp avoids denormal numbers far away, which are slow on CPUs."""
    return torch.exp(-0.5 * distance.square().clamp(max=40))
