"""The decoder for several objects: one sprite of one colour per object, laid over one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from data.clip_format import ClipFormat
from models.config import ModelConfig
from models.networks.picture import DEEPEST, colours, middles
from models.networks.sprite_decoder import SIDE, SpriteDecoder


class LayerDecoder(SpriteDecoder):
    """Draws several objects, later ones over earlier ones.

    A sprite only says where its object is opaque, from 0 to 1, and the content gives the object's colour. So no sprite
    can show parts of two objects. Layers are combined by the operator "over" of Porter & Duff, "Compositing Digital
    Images" (1984).

    The pose is the pose of the sprite's centre of mass, so that an object turns about itself. An orbit then has to be a
    motion. It cannot be a wide sprite that turns, with the object at its rim.
    """

    inks = 1
    line: Tensor

    def __init__(self, config: ModelConfig, *, clip: ClipFormat) -> None:
        super().__init__(config, clip=clip)
        self.colour = nn.Linear(config.content, 3)
        nn.init.normal_(self.colour.weight, std=1 / config.content**0.5)
        self.ink.bias = nn.Parameter(torch.full((4 * self.inks,), DEEPEST))  # Half opaque in the middle.
        self.register_buffer("line", middles(2 * SIDE), persistent=False)

    def _centred(self, sprites: Tensor, places: Tensor) -> Tensor:
        """Shifted so that the sprite's centre of mass is at the origin."""
        mass = _opacity(sprites).squeeze(1)  # (F, P, P)
        across, down = mass.sum(1) @ self.line, mass.sum(2) @ self.line
        middle = torch.stack([across, down], dim=1) / (mass.sum((1, 2)).unsqueeze(1) + 1e-3)  # (F, 2)
        return places + middle[:, None, None]

    def _paint(self, inks: Tensor, content: Tensor) -> Tensor:
        opacity = _opacity(inks)  # (N, objects, T, 1, H, W)
        own = colours(self.colour(content).to(inks.dtype)).view(*inks.shape[:2], 1, 3, 1, 1)
        pictures = colours(self.background[:, None, None])
        for number in range(inks.shape[1]):
            pictures = torch.lerp(pictures, own[:, number], opacity[:, number])
        return pictures


def _opacity(inks: Tensor) -> Tensor:
    """How opaque a layer is: 0 where it has no ink, at most 1."""
    return (1 + colours(inks - DEEPEST)) / 2
