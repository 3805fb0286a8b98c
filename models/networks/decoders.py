"""Decoders: frame latents to pictures. Both can draw every second pixel alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import ModelConfig
from models.networks.bounded import bounded
from models.networks.constellation import TYPICAL_SIZE, Constellation, Keypoints, Pose, heat, size_of
from models.networks.initialise import initialise

DEEPEST = 2.65  # bound of a colour before tanh; further out tanh is flat, and a colour that got there would stay
WHITE = 2.0  # before tanh: what pictures start towards

SIDE, REACH, MAPS = 16, 4, 16  # of a sprite: cells a side, sizes from its middle to its border, channels of its heat
GROWING, TURNING = 0.3, 0.2  # of a sprite's pose: thrown about from the start, things would not get their shapes


class KeypointDecoder(Constellation):
    """A constellation's heat, pixel by pixel.

    At each pixel the features add up, and one perceptron for all pixels turns the sum into a colour; so a picture can
    be had at any of its pixels alone. Outlines are as round as the heat maps are.
    """

    grid: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__(config, channels=config.channels, bends=True)
        self.finest = 2 / frame_size  # one pixel: narrower heat would alias
        self.register_buffer("grid", _middles(frame_size), persistent=False)
        self.bias = nn.Parameter(torch.zeros(self.channels))
        self.colour = nn.Linear(self.channels, 3)
        initialise(self)
        self.initialise_constellation()
        nn.init.normal_(self.colour.weight, std=0.5 / self.channels**0.5)
        self.colour.bias = nn.Parameter(torch.full((3,), WHITE))

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Clips (N, T, 3, S, S) in [-1, 1] from frame latents (N, 1, T, M + C), whose content is one for all T.

        `phase` asks for every second pixel alone, (N, T, 3, S/2, S/2), those at rows 2i + phase[0] and columns
        2j + phase[1], at a quarter of the cost.
        """
        motion, content = torch.split(latents.flatten(0, 2), self.widths, dim=1)
        rows, columns = _of_phase(self.grid, phase)
        pose, own = self.pose_of(motion), self.keypoints_of(content)
        size = size_of(pose.growth + own.growth, finest=self.finest)
        across, down, size, turn = (part.unsqueeze(1) for part in (pose.across, pose.down, size, pose.turn))
        cos, sin = torch.cos(turn), torch.sin(turn)
        x = across + size * (cos * own.right - sin * own.below)
        y = down + size * (sin * own.right + cos * own.below)
        maps = heat(x, y, size * own.spread, columns=columns, rows=rows)
        # Heat falls off slower about large things. Features in proportion to the size keep their edges as sharp.
        scale = size.unsqueeze(2) / TYPICAL_SIZE
        features = scale * self.features_of(content)
        pixels = functional.leaky_relu(torch.baddbmm(scale * self.bias, maps.transpose(1, 2), features), 0.2)
        pictures = colours(self.colour(pixels)).view(-1, len(rows), len(columns), 3).permute(0, 3, 1, 2)
        return pictures.view(len(latents), -1, *pictures.shape[1:])


class SpriteDecoder(Constellation):
    """A thing is drawn once a clip, in a frame of its own, and laid into every frame by its pose: shapes with corners.

    In the thing's own frame, the sprite, its constellation's heat is convolved in the style of the content: each
    channel is scaled and shifted by a linear image of it, as in Perez et al., "FiLM: Visual Reasoning with a General
    Conditioning Layer" (2018). The pose then says which place of the sprite each pixel shows, as in Jaderberg et al.,
    "Spatial Transformer Networks" (2015). So a shape that was learned in one place, turn and motion is known in all.
    Poses do not bend: what the bend says of one direction it does not say of another, so one that was never seen came
    out too slow.

    Sprites are interpolated before their colours are bounded: the bound then makes sharp edges, but no pattern of
    single pixels, which would please the discriminators sooner than shapes do.
    """

    inks = 3
    """Channels of a sprite: colours, less the background's."""
    cells: Tensor
    window: Tensor
    grid: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__(config, channels=MAPS, bends=False, growing=GROWING, turning=TURNING)
        channels = config.channels
        self.finest = 1 / frame_size  # half a pixel: the least sprite is 4 px wide, so that none falls between pixels
        self.styled = [MAPS, channels, channels]
        self.first = nn.Conv2d(MAPS, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.ink = nn.Conv2d(channels, self.inks * 4, 3, padding=1)  # of each cell's 2x2 places
        self.scales = nn.Linear(config.content, sum(self.styled))
        self.shifts = nn.Linear(config.content, 2 * channels)
        self.background = nn.Parameter(torch.full((3,), WHITE))
        initialise(self)
        self.initialise_constellation()
        for style in (self.scales, self.shifts):
            nn.init.normal_(style.weight, std=0.5 / config.content**0.5)
        nn.init.normal_(self.ink.weight, std=0.5 / (9 * channels) ** 0.5)
        fine = _middles(2 * SIDE).square()
        self.register_buffer("cells", REACH * _middles(SIDE), persistent=False)
        self.register_buffer("window", (1 - fine - fine.unsqueeze(1)).clamp(min=0).square(), persistent=False)
        self.register_buffer("grid", _middles(frame_size), persistent=False)

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """As `KeypointDecoder.forward`, of latents (N, things, T, M + C); `phase` saves only the last part."""
        clips, things, frames = latents.shape[:3]
        motion, content = latents[..., : self.widths[0]].flatten(0, 2), latents[:, :, 0, self.widths[0] :].flatten(0, 1)
        own, pose = self.keypoints_of(content), self.pose_of(motion)
        size = size_of(pose.growth + own.growth.repeat_interleave(frames, 0), finest=self.finest)
        places = self._places(pose, size, phase)  # (N * things * T, H, W, 2)
        height, width = places.shape[1:3]
        where = places.view(clips * things, frames * height, width, 2)
        sprites = self._sprites(own, content)
        ink = functional.grid_sample(sprites, self._about(sprites, where), align_corners=False)  # 0 beyond the sprite
        return self._paint(ink.view(clips, things, -1, frames, height, width).transpose(2, 3), content)

    def _about(self, sprites: Tensor, where: Tensor) -> Tensor:
        """Places (F, H, W, 2) of sprites (F, inks, P, P), moved so that what a pose is the pose of lies at 0."""
        return where

    def _paint(self, inks: Tensor, content: Tensor) -> Tensor:
        """Pictures (N, T, 3, H, W) from what the things show there (N, things, T, inks, H, W)."""
        return colours(self.background[:, None, None] + inks[:, 0])

    def _sprites(self, own: Keypoints, content: Tensor) -> Tensor:
        """What each of F things shows in its own frame, (F, inks, P, P), fading to 0 at its border."""
        maps = heat(own.right, own.below, own.spread, columns=self.cells, rows=self.cells)
        count = len(content)
        cells = (maps.transpose(1, 2) @ self.features_of(content)).view(count, SIDE, SIDE, MAPS).permute(0, 3, 1, 2)
        scales = torch.split(1 + self.scales(content).view(count, -1, 1, 1), self.styled, dim=1)
        shifts = self.shifts(content).view(count, -1, 1, 1).chunk(2, dim=1)
        cells = functional.leaky_relu(self.first(scales[0] * cells) + shifts[0], 0.2)
        cells = functional.leaky_relu(self.second(scales[1] * cells) + shifts[1], 0.2)
        ink = functional.pixel_shuffle(self.ink(scales[2] * cells).contiguous(), 2)
        return self.window * ink

    def _places(self, pose: Pose, size: Tensor, phase: tuple[int, int] | None) -> Tensor:
        """Which place of each thing's sprite, x and y from -1 to 1, each pixel shows: (F, H, W, 2)."""
        rows, columns = _of_phase(self.grid, phase)
        scale = 1 / (REACH * size)
        cos, sin = ((scale * part)[:, None, None] for part in (torch.cos(pose.turn), torch.sin(pose.turn)))
        right = columns - pose.across[:, None, None]  # (F, 1, W)
        below = rows.unsqueeze(1) - pose.down[:, None, None]  # (F, H, 1)
        return torch.stack([cos * right + sin * below, cos * below - sin * right], dim=-1)


class LayerDecoder(SpriteDecoder):
    """Sprites of one colour each, laid over one another: for several things in a picture.

    A sprite says only where the thing is, from 0 (nowhere to be seen) to 1, and the content gives its colour. The later
    things cover the earlier ones: the operator "over" of Porter & Duff, "Compositing Digital Images" (1984). So no
    thing shows what belongs to two.

    The pose is that of the layer's centre of mass, which makes a thing turn about itself: orbits are motion, and no
    wide sprite with a thing at its rim that turns.
    """

    inks = 1
    line: Tensor

    def __init__(self, config: ModelConfig, *, frame_size: int) -> None:
        super().__init__(config, frame_size=frame_size)
        self.colour = nn.Linear(config.content, 3)
        nn.init.normal_(self.colour.weight, std=1 / config.content**0.5)
        self.ink.bias = nn.Parameter(torch.full((4 * self.inks,), DEEPEST))  # half to be seen, in the middle
        self.register_buffer("line", _middles(2 * SIDE), persistent=False)

    def _about(self, sprites: Tensor, where: Tensor) -> Tensor:
        mass = _shown(sprites).squeeze(1)
        across, down = mass.sum(1) @ self.line, mass.sum(2) @ self.line
        middle = torch.stack([across, down], dim=1) / (mass.sum((1, 2)).unsqueeze(1) + 1e-3)
        return where + middle[:, None, None]

    def _paint(self, inks: Tensor, content: Tensor) -> Tensor:
        shown = _shown(inks)
        own = colours(self.colour(content).to(inks.dtype)).view(*inks.shape[:2], 1, 3, 1, 1)
        pictures = colours(self.background[:, None, None])
        for thing in range(inks.shape[1]):
            pictures = torch.lerp(pictures, own[:, thing], shown[:, thing])
        return pictures


def _shown(inks: Tensor) -> Tensor:
    """How much of a layer is to be seen, from 0 where it has no ink to 1."""
    return (1 + colours(inks - DEEPEST)) / 2


def colours(values: Tensor) -> Tensor:
    """Values of any size, any shape, to colours in [-1, 1]; both ends are reached."""
    return torch.tanh(bounded(values, DEEPEST)) / math.tanh(DEEPEST)


def _middles(count: int) -> Tensor:
    """The middles of `count` equal parts of the line from -1 to 1."""
    return (torch.arange(count) + 0.5) * (2 / count) - 1


def _of_phase(places: Tensor, phase: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
    """Of `places` along the first dimension those of the rows and those of the columns that `phase` asks for."""
    return (places, places) if phase is None else (places[phase[0] :: 2], places[phase[1] :: 2])
