"""Decoders: frame latents to pictures. Both can draw every second pixel alone, at a fraction of the cost."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.bounded import bounded
from models.config import ModelConfig
from models.initialise import initialise

CELL, MAPS = 8, 16  # of the convolutional decoder's coarse map: px a cell, and channels
TYPICAL_SIZE = 0.1  # of a thing at the start, where the picture spans -1 to 1
DEEPEST = 2.65  # bound of a colour before tanh; further out tanh is flat, and a colour that got there would stay


class KeypointDecoder(nn.Module):
    """A thing is a constellation of keypoints, each a Gaussian heat map that carries a vector of features.

    The content latent decides what the constellation looks like, and so does not change within a clip; the motion
    latent gives each frame's pose: where the constellation is, how large, how it is turned. The pose is linear in the
    latent but for a bend, small at first, that makes the kinks of a bounce out of smooth latents. Keypoints stay
    within one size of its centre, so that their heat has one hill: the picture shows one thing, and to have it
    elsewhere the pose must change. At each pixel the features add up, and one perceptron for all pixels turns the sum
    into a colour; so a picture can be had at any of its pixels alone.

    Heat maps as the bottleneck of a picture follow Jakab et al., "Unsupervised Learning of Object Landmarks through
    Conditional Image Generation" (2018); here the discriminators' gradient alone moves them.
    """

    grid: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__()
        self.keypoints, self.channels = config.keypoints, config.channels
        self.widths = [config.motion, config.content]
        self.pose = nn.Linear(config.motion, 4)
        bent = nn.Linear(64, 4)
        self.bend = nn.Sequential(nn.Linear(config.motion, 64), nn.LeakyReLU(0.2), bent)
        self.constellation = nn.Linear(config.content, 3 * self.keypoints + 1)
        self.features = nn.Sequential(
            nn.Linear(config.content, 64), nn.LeakyReLU(0.2), nn.Linear(64, self.keypoints * self.channels)
        )
        self.bias = nn.Parameter(torch.zeros(self.channels))
        self.colour = nn.Linear(self.channels, 3)
        initialise(self)
        nn.init.normal_(self.pose.weight, std=0.4 / config.motion**0.5)
        nn.init.normal_(bent.weight, std=0.1 / 64**0.5)
        nn.init.normal_(self.constellation.weight, std=0.2 / config.content**0.5)
        nn.init.normal_(self.constellation.weight[-1], std=1 / config.content**0.5)  # sizes differ from the start
        nn.init.normal_(self.constellation.bias, std=0.3)
        nn.init.normal_(self.colour.weight, std=0.5 / self.channels**0.5)
        self.colour.bias = nn.Parameter(torch.full((3,), 2.0))  # start towards the white background
        self.register_buffer("grid", (torch.arange(frame_size) + 0.5) * (2 / frame_size) - 1, persistent=False)
        self.finest = 2 / frame_size  # a standard deviation of one pixel: narrower heat maps would alias

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Pictures (F, 3, S, S) in [-1, 1] from frame latents (F, M + C).

        `phase` asks for every second pixel alone, (F, 3, S/2, S/2), those at rows 2i + phase[0] and columns
        2j + phase[1], at a quarter of the cost.
        """
        motion, content = torch.split(latents, self.widths, dim=1)
        x, y, size, spread = self._keypoints(motion, content)
        columns, rows = self.grid, self.grid
        if phase is not None:
            rows, columns = rows[phase[0] :: 2], columns[phase[1] :: 2]
        width = (size * spread).unsqueeze(2)
        across, down = _bump((columns - x.unsqueeze(2)) / width), _bump((rows - y.unsqueeze(2)) / width)
        heat = (down.unsqueeze(3) * across.unsqueeze(2)).flatten(2)  # (F, K, R * C)
        # Heat falls off slower about large things. Features in proportion to the size keep their edges as sharp.
        scale = (size / TYPICAL_SIZE).unsqueeze(2)
        features = scale * self.features(content).view(-1, self.keypoints, self.channels)
        pixels = functional.leaky_relu(torch.baddbmm(scale * self.bias, heat.transpose(1, 2), features), 0.2)
        return colours(self.colour(pixels)).view(-1, len(rows), len(columns), 3).permute(0, 3, 1, 2)

    def _keypoints(self, motion: Tensor, content: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Places x and y (F, K), the thing's size (F, 1), and each keypoint's width in sizes (F, K)."""
        across, down, growth, turn = (self.pose(motion) + self.bend(motion)).unsqueeze(2).unbind(1)  # (F, 1) each
        shape = torch.tanh(self.constellation(content))
        right, below, spread = shape[:, :-1].view(-1, 3, self.keypoints).unbind(1)  # (F, K) each
        size = self.finest + TYPICAL_SIZE * torch.exp(2 * torch.tanh((growth + shape[:, -1:]) / 2))
        across, down = bounded(across, 1), bounded(down, 1)  # out of the picture nothing would lead it back
        cos, sin = torch.cos(turn), torch.sin(turn)
        x = across + size * (cos * right - sin * below)
        y = down + size * (sin * right + cos * below)
        return x, y, size, torch.exp(0.5 * spread)


def _bump(distance: Tensor) -> Tensor:
    """Gaussian of unit height. The bound keeps far pixels from denormal numbers, which CPUs are slow at."""
    return torch.exp(-0.5 * distance.square().clamp(max=40))


def colours(values: Tensor) -> Tensor:
    """Values of any size, any shape, to colours in [-1, 1]; both ends are reached."""
    return torch.tanh(bounded(values, DEEPEST)) / math.tanh(DEEPEST)


class ConvolutionalDecoder(nn.Module):
    """Where things are comes from the motion, what they look like from the content.

    A perceptron draws a coarse map of a frame's motion; it is enlarged, and convolved with the content as its style:
    each channel is scaled and shifted by a linear image of the content, as in Perez et al., "FiLM: Visual Reasoning
    with a General Conditioning Layer" (2018). The map never sees the content, and convolutions are the same everywhere:
    a shape that was learned in one place and motion is known in all.

    Colours come out at every second pixel and are interpolated before they are bounded: the bound then makes sharp
    edges, but no pattern of single pixels, which would please the discriminators sooner than shapes do.
    """

    weights: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__()
        self.side, channels = frame_size // CELL, config.channels
        self.widths, self.styled = [config.motion, config.content], [MAPS, channels, channels]
        self.seed = nn.Sequential(
            nn.Linear(config.motion, 256), nn.LeakyReLU(0.2), nn.Linear(256, MAPS * self.side**2), nn.LeakyReLU(0.2)
        )
        self.first = nn.Conv2d(MAPS, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.values = nn.Conv2d(channels, 3 * 4, 3, padding=1)  # of each cell its 2x2 colours
        self.scales = nn.Linear(config.content, sum(self.styled))
        self.shifts = nn.Linear(config.content, 2 * channels)
        initialise(self)
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
        coarse = self.seed(motion).view(-1, MAPS, self.side, self.side).contiguous(memory_format=torch.channels_last)
        maps = functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        maps = functional.leaky_relu(self.first(scales[0] * maps) + shifts[0], 0.2)
        maps = functional.leaky_relu(self.second(scales[1] * maps) + shifts[1], 0.2)
        values = functional.pixel_shuffle(self.values(scales[2] * maps).contiguous(), 2)  # (F, 3, S/2, S/2)
        rows, columns = self.weights, self.weights
        if phase is not None:
            rows, columns = rows[phase[0] :: 2], columns[phase[1] :: 2]
        return colours(rows @ (values @ columns.T))


def _interpolation(size: int) -> Tensor:
    """Weights (S, S/2) that enlarge a row of S/2 numbers to S, linearly; beyond the outermost ones it stays level."""
    places = (torch.arange(size) + 0.5) / 2 - 0.5
    weights = (1 - (places.unsqueeze(1) - torch.arange(size // 2)).abs()).clamp(min=0)
    return weights / weights.sum(dim=1, keepdim=True)
