"""A decoder that draws one thing: a small picture of it, its sprite, laid where each frame's pose says.

The sprite comes from the clip's content and so is the same in all frames; the pose comes from the motion: where the
thing is, how large, how it is turned. Attention of this kind is that of Eslami et al., "Attend, Infer, Repeat" (2016),
with the sampling of Jaderberg et al., "Spatial Transformer Networks" (2015).

A sprite holds features, not colours: interpolated they cross a level at a sharp line, as distances to an outline do
(Green, "Improved Alpha-Tested Magnification for Vector Textures and Special Effects", 2007). So few cells make crisp
corners, in any size and turn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.bounded import bounded
from models.config import ModelConfig
from models.decoders import colours
from models.initialise import initialise

CELLS = 14  # along a sprite's side
REACH = 3.0  # sizes from a sprite's middle to its border


class SpriteDecoder(nn.Module):
    """Frame latents to pictures; any pixel can be had alone, see `forward`."""

    grid: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__()
        self.channels, self.typical_size = config.channels, config.typical_size
        self.widths = [config.motion, config.content]
        self.finest = 2 / frame_size
        self.pose = nn.Linear(config.motion, 4)
        bent = nn.Linear(64, 4)
        self.bend = nn.Sequential(nn.Linear(config.motion, 64), nn.LeakyReLU(0.2), bent)
        cells = nn.Linear(128, self.channels * CELLS**2)
        self.sprite = nn.Sequential(nn.Linear(config.content, 128), nn.LeakyReLU(0.2), cells)
        self.scale = nn.Linear(config.content, 1)
        self.bias = nn.Parameter(torch.zeros(self.channels))
        self.colour = nn.Linear(self.channels, 3)
        initialise(self)
        nn.init.normal_(self.pose.weight, std=0.4 / config.motion**0.5)
        nn.init.normal_(bent.weight, std=0.1 / 64**0.5)
        nn.init.normal_(cells.weight, std=0.3 / 128**0.5)
        nn.init.normal_(self.scale.weight, std=1 / config.content**0.5)  # sizes differ from the start
        nn.init.normal_(self.colour.weight, std=0.5 / self.channels**0.5)
        self.colour.bias = nn.Parameter(torch.full((3,), 2.0))  # start towards the white background
        place = (torch.arange(CELLS) + 0.5) * (2 * REACH / CELLS) - REACH
        blob = torch.exp(-0.5 * (place.square()[:, None] + place.square()))  # start as one thing, in the middle
        cells.bias = nn.Parameter((1.5 * torch.randn(self.channels, 1, 1) * blob).flatten())
        self.register_buffer("grid", (torch.arange(frame_size) + 0.5) * (2 / frame_size) - 1, persistent=False)

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Pictures (F, 3, S, S) in [-1, 1] from frame latents (F, M + C).

        `phase` asks for every second pixel alone, (F, 3, S/2, S/2), those at rows 2i + phase[0] and columns
        2j + phase[1], at a quarter of the cost.
        """
        motion, content = torch.split(latents, self.widths, dim=1)
        columns, rows = self.grid, self.grid
        if phase is not None:
            rows, columns = rows[phase[0] :: 2], columns[phase[1] :: 2]
        across, down, growth, turn = (self.pose(motion) + self.bend(motion)).unsqueeze(2).unbind(1)  # (F, 1) each
        size = self.finest + self.typical_size * torch.exp(2 * torch.tanh((growth + self.scale(content).tanh()) / 2))
        x = columns - bounded(across, 1)  # (F, columns); out of the picture nothing would lead the thing back
        y = rows - bounded(down, 1)
        cos, sin = torch.cos(turn) / (REACH * size), torch.sin(turn) / (REACH * size)
        along = (cos * x).unsqueeze(1) + (sin * y).unsqueeze(2)  # (F, R, C), the sprite spans -1 to 1
        below = (cos * y).unsqueeze(2) - (sin * x).unsqueeze(1)
        sprite = self.sprite(content).view(-1, self.channels, CELLS, CELLS)
        features = functional.grid_sample(sprite, torch.stack([along, below], dim=3), align_corners=False)
        pixels = functional.leaky_relu(features.movedim(1, 3) + self.bias, 0.2)
        return colours(self.colour(pixels)).permute(0, 3, 1, 2)
