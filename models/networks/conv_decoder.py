"""The decoder that knows nothing of objects, places or sizes: convolutions turn each frame's latent into a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.clip_format import ClipFormat
from models.config import ModelConfig
from models.networks.initialise import initialise
from models.networks.picture import WHITE, colours

COARSE = 8
"""Pixels of the picture per cell, along each side, in the coarsest layer."""
FINE = 4
"""Pixels of the picture that the last layer draws at each of its places, along each side."""


class ConvDecoder(nn.Module):
    """Draws anything: one latent per frame, a coarse picture of many channels, and convolutions that refine it.

    There is no pose and no sprite, so it has to learn by itself that an object looks the same in all places. Only the
    background is the same in all clips: it is learned, and the convolutions draw what differs from it.
    """

    def __init__(self, config: ModelConfig, *, clip: ClipFormat) -> None:
        super().__init__()
        channels, self.cells = config.channels, (clip.height // COARSE, clip.width // COARSE)
        self.coarse = nn.Linear(config.motion + config.content, 2 * channels * self.cells[0] * self.cells[1])
        self.first = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)
        self.last = nn.Conv2d(4 * channels, 3 * FINE**2, 3, bias=False)
        self.background = nn.Parameter(torch.full((3, 1, 1), WHITE))
        initialise(self)
        nn.init.normal_(self.last.weight, std=0.5 / (9 * 4 * channels) ** 0.5)

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Draw clips in [-1, 1].

        Args:
            latents: (N, 1, T, M + C), motion latent before content latent.
            phase: asks for every second pixel only: rows 2i + phase[0] and columns 2j + phase[1].

        Returns:
            (N, T, 3, H, W), or with a phase (N, T, 3, H/2, W/2).
        """
        features = functional.leaky_relu(self.coarse(latents.flatten(0, 2)), 0.2)
        features = features.view(len(features), -1, *self.cells)  # (F, 2 c, H/8, W/8) with F = N T
        features = functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
        features = features.contiguous(memory_format=torch.channels_last)
        features = functional.leaky_relu(self.first(features), 0.2)  # (F, 4 c, H/4, W/4)
        weight = self.last.weight  # (48, 4 c, 3, 3): 4 x 4 pixels at each place
        if phase is not None:
            by_pixel = weight.view(3, FINE, FINE, *weight.shape[1:])
            weight = by_pixel[:, phase[0] :: 2, phase[1] :: 2].flatten(0, 2)  # (12, 4 c, 3, 3)
        ink = functional.conv2d(features, weight, padding=1).contiguous()  # (F, 48 or 12, H/4, W/4)
        pictures = functional.pixel_shuffle(ink, FINE if phase is None else FINE // 2)  # (F, 3, H, W)
        drawn = colours(self.background + pictures)
        return drawn.view(len(latents), -1, *drawn.shape[1:])
