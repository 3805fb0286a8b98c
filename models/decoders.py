"""Decoders: frame latents to pictures. Both can draw every second pixel alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.bounded import bounded
from models.config import ModelConfig
from models.constellation import TYPICAL_SIZE, Constellation
from models.initialise import initialise

CELL, MAPS = 4, 16  # of the convolutional decoder's coarse maps: px a cell, and channels
DEEPEST = 2.65  # bound of a colour before tanh; further out tanh is flat, and a colour that got there would stay


class KeypointDecoder(Constellation):
    """A constellation's heat, pixel by pixel.

    At each pixel the features add up, and one perceptron for all pixels turns the sum into a colour; so a picture can
    be had at any of its pixels alone. Outlines are as round as the heat maps are.
    """

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        # A size of one pixel at least: narrower heat maps would alias.
        super().__init__(config, channels=config.channels, side=frame_size, finest=2 / frame_size, bends=True)
        self.bias = nn.Parameter(torch.zeros(self.channels))
        self.colour = nn.Linear(self.channels, 3)
        initialise(self)
        self.initialise_heat()
        nn.init.normal_(self.colour.weight, std=0.5 / self.channels**0.5)
        self.colour.bias = nn.Parameter(torch.full((3,), 2.0))  # start towards the white background

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Pictures (F, 3, S, S) in [-1, 1] from frame latents (F, M + C).

        `phase` asks for every second pixel alone, (F, 3, S/2, S/2), those at rows 2i + phase[0] and columns
        2j + phase[1], at a quarter of the cost.
        """
        motion, content = torch.split(latents, self.widths, dim=1)
        rows, columns = _of_phase(self.grid, phase)
        heat = self.heat(motion, content, rows=rows, columns=columns)
        # Heat falls off slower about large things. Features in proportion to the size keep their edges as sharp.
        scale = heat.sizes / TYPICAL_SIZE
        features = scale * self.features_of(content)
        pixels = functional.leaky_relu(torch.baddbmm(scale * self.bias, heat.maps.transpose(1, 2), features), 0.2)
        return colours(self.colour(pixels)).view(-1, len(rows), len(columns), 3).permute(0, 3, 1, 2)


def colours(values: Tensor) -> Tensor:
    """Values of any size, any shape, to colours in [-1, 1]; both ends are reached."""
    return torch.tanh(bounded(values, DEEPEST)) / math.tanh(DEEPEST)


class ConvolutionalDecoder(Constellation):
    """A constellation's heat, convolved: shapes with corners.

    Heat maps of 4 px a cell say where things are; convolutions, which are the same everywhere, draw them in the style
    of the content: each channel is scaled and shifted by a linear image of it, as in Perez et al., "FiLM: Visual
    Reasoning with a General Conditioning Layer" (2018). A shape that was learned in one place and motion is known in
    all. Poses do not bend: what the bend says of one direction it does not say of another, so one that was never seen
    came out too slow.

    Colours come out at every second pixel and are interpolated before they are bounded: the bound then makes sharp
    edges, but no pattern of single pixels, which would please the discriminators sooner than shapes do.
    """

    weights: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        side, channels = frame_size // CELL, config.channels
        # A size of half a cell at least: how heat is spread over cells then tells places between them.
        super().__init__(config, channels=MAPS, side=side, finest=1 / side, bends=False)
        self.styled = [MAPS, channels, channels]
        self.first = nn.Conv2d(MAPS, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.values = nn.Conv2d(channels, 3 * 4, 3, padding=1)  # of each cell its 2x2 colours
        self.scales = nn.Linear(config.content, sum(self.styled))
        self.shifts = nn.Linear(config.content, 2 * channels)
        initialise(self)
        self.initialise_heat()
        for style in (self.scales, self.shifts):
            nn.init.normal_(style.weight, std=0.5 / config.content**0.5)
        nn.init.normal_(self.values.weight, std=0.5 / (9 * channels) ** 0.5)
        self.values.bias = nn.Parameter(torch.full((3 * 4,), 2.0))  # start towards the white background
        self.register_buffer("weights", _interpolation(frame_size), persistent=False)

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """As `KeypointDecoder.forward`; `phase` saves only the last, cheap part."""
        motion, content = torch.split(latents, self.widths, dim=1)
        scales = torch.split(1 + self.scales(content)[:, :, None, None], self.styled, dim=1)
        shifts = self.shifts(content)[:, :, None, None].chunk(2, dim=1)
        heat = self.heat(motion, content, rows=self.grid, columns=self.grid)
        cells = heat.maps.transpose(1, 2) @ self.features_of(content)  # (F, H * W, MAPS): channels last
        maps = cells.view(-1, len(self.grid), len(self.grid), MAPS).permute(0, 3, 1, 2)
        maps = functional.leaky_relu(self.first(scales[0] * maps) + shifts[0], 0.2)
        maps = functional.leaky_relu(self.second(scales[1] * maps) + shifts[1], 0.2)
        values = functional.pixel_shuffle(self.values(scales[2] * maps).contiguous(), 2)  # (F, 3, S/2, S/2)
        rows, columns = _of_phase(self.weights, phase)
        return colours(rows @ (values @ columns.T))


def _of_phase(places: Tensor, phase: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
    """Of `places` along the first dimension those of the rows and those of the columns that `phase` asks for."""
    return (places, places) if phase is None else (places[phase[0] :: 2], places[phase[1] :: 2])


def _interpolation(size: int) -> Tensor:
    """Weights (S, S/2) that enlarge a row of S/2 numbers to S, linearly; beyond the outermost ones it stays level."""
    places = (torch.arange(size) + 0.5) / 2 - 0.5
    weights = (1 - (places.unsqueeze(1) - torch.arange(size // 2)).abs()).clamp(min=0)
    return weights / weights.sum(dim=1, keepdim=True)
