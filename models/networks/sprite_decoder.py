"""The decoder that draws an object once per clip, as a sprite, and places it into each frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.clip_format import ClipFormat
from models.config import ModelConfig
from models.networks.constellation import Constellation, Keypoints, Pose, heat, size_of
from models.networks.initialise import initialise
from models.networks.picture import WHITE, colours, middles, of_phase, side

SIDE = 16
"""Cells per side of the sprite's heat maps. The sprite itself has two pixels per cell."""
REACH = 4
"""The sprite reaches this many object sizes from its centre to its border."""
MAPS = 16
"""Channels of the sprite's heat maps."""
GROWING, TURNING = 0.3, 0.2
"""Scales of the pose's growth and turn. Objects whose size and turn jump at the start do not get their shapes."""


class SpriteDecoder(Constellation):
    """Draws objects of any shape.

    The sprite is a picture of the object alone, around the object's centre. It is the heat of the object's
    constellation, convolved in the style of the content: the content scales and shifts each channel, as in Perez et
    al., "FiLM: Visual Reasoning with a General Conditioning Layer" (2018). The pose says which place of the sprite each
    pixel of a frame shows, as in Jaderberg et al., "Spatial Transformer Networks" (2015). So a shape that was learned
    in one place, turn and motion is known in all of them.

    The sprite is interpolated before its colours are bounded. The bound then makes sharp edges. Patterns of single
    pixels, which the generator would learn sooner than shapes, cannot appear.
    """

    inks = 3
    """Channels of a sprite: its colours minus the background's."""
    cells: Tensor
    window: Tensor
    grid: Tensor

    def __init__(self, config: ModelConfig, *, clip: ClipFormat) -> None:
        super().__init__(config, channels=MAPS, growing=GROWING, turning=TURNING)
        channels = config.channels
        frame_size = side(clip)
        self.finest = 1 / frame_size  # Half a pixel: the smallest sprite is 4 px wide, so all of it can be seen.
        self.styled = [MAPS, channels, channels]
        self.first = nn.Conv2d(MAPS, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.ink = nn.Conv2d(channels, self.inks * 4, 3, padding=1)  # Each cell becomes 2 x 2 pixels.
        self.scales = nn.Linear(config.content, sum(self.styled))
        self.shifts = nn.Linear(config.content, 2 * channels)
        self.background = nn.Parameter(torch.full((3,), WHITE))
        initialise(self)
        self.initialise_constellation()
        for style in (self.scales, self.shifts):
            nn.init.normal_(style.weight, std=0.5 / config.content**0.5)
        nn.init.normal_(self.ink.weight, std=0.5 / (9 * channels) ** 0.5)
        fine = middles(2 * SIDE).square()
        self.register_buffer("cells", REACH * middles(SIDE), persistent=False)
        self.register_buffer("window", (1 - fine - fine.unsqueeze(1)).clamp(min=0).square(), persistent=False)
        self.register_buffer("grid", middles(frame_size), persistent=False)

    def forward(self, latents: Tensor, phase: tuple[int, int] | None = None) -> Tensor:
        """Draw clips (N, T, 3, S, S) in [-1, 1] from latents (N, objects, T, M + C). See `KeypointDecoder.forward`.

        With a `phase`, the frames cost a quarter. The sprites cost the same.
        """
        clips, objects, frames = latents.shape[:3]
        motion = latents[..., : self.widths[0]].flatten(0, 2)  # (N objects T, M)
        content = latents[:, :, 0, self.widths[0] :].flatten(0, 1)  # (N objects, C)
        own, pose = self.keypoints_of(content), self.pose_of(motion)
        size = size_of(pose.growth + own.growth.repeat_interleave(frames, 0), finest=self.finest)
        places = self._places(pose, size, phase)  # (N objects T, H, W, 2)
        height, width = places.shape[1:3]
        places = places.view(clips * objects, frames * height, width, 2)
        sprites = self._sprites(own, content)  # (N objects, inks, P, P) with P = 2 SIDE
        centred = self._centred(sprites, places)
        ink = functional.grid_sample(sprites, centred, align_corners=False)  # 0 beyond the sprite's border
        inks = ink.view(clips, objects, -1, frames, height, width).transpose(2, 3)  # (N, objects, T, inks, H, W)
        return self._paint(inks, content)

    def _centred(self, sprites: Tensor, places: Tensor) -> Tensor:
        """Places (F, H, W, 2) of sprites (F, inks, P, P), shifted so that the pose is the pose of their origin."""
        return places

    def _paint(self, inks: Tensor, content: Tensor) -> Tensor:
        """Frames (N, T, 3, H, W) from the objects' inks (N, objects, T, inks, H, W)."""
        return colours(self.background[:, None, None] + inks[:, 0])

    def _sprites(self, own: Keypoints, content: Tensor) -> Tensor:
        """The sprites (F, inks, P, P) of F objects. They fade to 0 at their border."""
        maps = heat(own.right, own.below, own.spread, columns=self.cells, rows=self.cells)  # (F, K, SIDE SIDE)
        count = len(content)
        cells = (maps.transpose(1, 2) @ self.features_of(content)).view(count, SIDE, SIDE, MAPS).permute(0, 3, 1, 2)
        scales = torch.split(1 + self.scales(content).view(count, -1, 1, 1), self.styled, dim=1)
        shifts = self.shifts(content).view(count, -1, 1, 1).chunk(2, dim=1)
        cells = functional.leaky_relu(self.first(scales[0] * cells) + shifts[0], 0.2)  # (F, channels, SIDE, SIDE)
        cells = functional.leaky_relu(self.second(scales[1] * cells) + shifts[1], 0.2)
        ink = functional.pixel_shuffle(self.ink(scales[2] * cells).contiguous(), 2)  # (F, inks, P, P)
        return self.window * ink

    def _places(self, pose: Pose, size: Tensor, phase: tuple[int, int] | None) -> Tensor:
        """Which place of its sprite each pixel of F frames shows: x and y from -1 to 1, (F, H, W, 2)."""
        rows, columns = of_phase(self.grid, phase)
        scale = 1 / (REACH * size)
        cos, sin = ((scale * part)[:, None, None] for part in (torch.cos(pose.turn), torch.sin(pose.turn)))
        right = columns - pose.across[:, None, None]  # (F, 1, W)
        below = rows.unsqueeze(1) - pose.down[:, None, None]  # (F, H, 1)
        return torch.stack([cos * right + sin * below, cos * below - sin * right], dim=-1)
