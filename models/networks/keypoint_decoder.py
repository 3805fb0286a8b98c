"""The decoder that draws each pixel by itself from the keypoints' heat."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.clip_format import ClipFormat
from models.config import ModelConfig
from models.networks.constellation import TYPICAL_SIZE, Constellation, heat, size_of
from models.networks.initialise import initialise
from models.networks.picture import WHITE, colours, middles, of_phase, side


class KeypointDecoder(Constellation):
    """Draws one object. The keypoints' features add up at each pixel, and one small perceptron turns sums into colours.

    The perceptron is the same for all pixels, so any part of the pixels can be drawn alone. Outlines are as round as
    the heat maps are.
    """

    grid: Tensor

    def __init__(self, config: ModelConfig, *, clip: ClipFormat) -> None:
        super().__init__(config, channels=config.channels)
        frame_size = side(clip)
        self.finest = 2 / frame_size  # One pixel: narrower heat would fall between the pixels.
        self.register_buffer("grid", middles(frame_size), persistent=False)
        self.bias = nn.Parameter(torch.zeros(self.channels))
        self.colour = nn.Linear(self.channels, 3)
        initialise(self)
        self.initialise_constellation()
        nn.init.normal_(self.colour.weight, std=0.5 / self.channels**0.5)
        self.colour.bias = nn.Parameter(torch.full((3,), WHITE))

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Draw clips in [-1, 1].

        Args:
            latents: (N, 1, T, M + C), motion latent before content latent. The content is the same in all frames.
            phase: asks for every second pixel only: rows 2i + phase[0] and columns 2j + phase[1]. This costs a quarter.

        Returns:
            (N, T, 3, S, S), or with a phase (N, T, 3, S/2, S/2).
        """
        motion, content = torch.split(latents.flatten(0, 2), self.widths, dim=1)  # (F, M), (F, C) with F = N T
        rows, columns = of_phase(self.grid, phase)  # (H,), (W,)
        pose, own = self.pose_of(motion), self.keypoints_of(content)
        size = size_of(pose.growth + own.growth, finest=self.finest)
        across, down, size, turn = (part.unsqueeze(1) for part in (pose.across, pose.down, size, pose.turn))  # (F, 1)
        cos, sin = torch.cos(turn), torch.sin(turn)
        x = across + size * (cos * own.right - sin * own.below)  # (F, K)
        y = down + size * (sin * own.right + cos * own.below)
        maps = heat(x, y, size * own.spread, columns=columns, rows=rows)  # (F, K, H W)
        # The heat around a large object falls off more slowly. Features in proportion to its size keep edges as sharp.
        scale = size.unsqueeze(2) / TYPICAL_SIZE
        features = (scale * self.features_of(content)).transpose(1, 2)  # (F, channels, K)
        sums = torch.baddbmm(scale * self.bias.unsqueeze(1), features, maps)  # (F, channels, H W)
        pixels = functional.leaky_relu(sums, 0.2)
        # The linear layer `colour`, applied to channels that come before the pixels: a convolution would be slower.
        weight, bias = self.colour.weight, self.colour.bias.unsqueeze(1)  # (3, channels), (3, 1)
        pictures = colours(torch.baddbmm(bias, weight.expand(len(pixels), -1, -1), pixels))  # (F, 3, H W)
        return pictures.view(len(latents), -1, 3, len(rows), len(columns))
