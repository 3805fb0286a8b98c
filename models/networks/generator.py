"""Our generator: text features and one noise per clip become all frames at once.

Frames that come from one latent are consistent in time by construction.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.clip_format import ClipFormat
from data.subject import Subject
from models.config import ModelConfig
from models.networks.clip_generator import ClipGenerator
from models.networks.conv_decoder import ConvDecoder
from models.networks.keypoint_decoder import KeypointDecoder
from models.networks.layer_decoder import LayerDecoder
from models.networks.motion import MotionNetwork
from models.networks.sprite_decoder import SpriteDecoder
from models.text.features import build_text
from models.text.protocols import TextFeatures

_DECODERS: dict[str, Callable[..., nn.Module]] = {
    "keypoint": KeypointDecoder,
    "sprite": SpriteDecoder,
    "layers": LayerDecoder,
    "conv": ConvDecoder,
}


class TextGenerator(ClipGenerator):
    """Text encoder, motion network and decoder."""

    def __init__(self, config: ModelConfig, *, text: TextFeatures, clip: ClipFormat, one_look: bool) -> None:
        """Layers with random weights.

        Args:
            config: sizes of the layers.
            text: how prompts are read.
            clip: format of the clips.
            one_look: whether all objects have the same shape and colour.

        Raises:
            ValueError: the decoder cannot draw this format.
        """
        super().__init__()
        self.config = config
        self.text = text.encoder(config.text_width)
        self.motion = MotionNetwork(config, frames=clip.frames, one_look=one_look)
        self.decoder = _DECODERS[config.decoder](config, clip=clip)

    def draw_noise(self, count: int, *, random: torch.Generator) -> Tensor:
        """Noise (count, Z): for each object Gaussian components, angles, and a random one-hot vector.

        An angle is the cosine and the sine of a uniform number, scaled to a variance of 1. Without the part
        `clip_latent`, each frame has its own noise: (count, T, Z).
        """
        if "clip_latent" in self.config.without:
            frames = self.motion.frames
            return self._noise(count * frames, random).view(count, frames, -1)
        return self._noise(count, random)

    def _noise(self, count: int, random: torch.Generator) -> Tensor:
        config, objects = self.config, count * self.config.objects
        parts = [torch.randn(objects, config.noise, generator=random)]
        if config.angles:
            turns = 2 * torch.pi * torch.rand(objects, config.angles, generator=random)
            parts += [2**0.5 * torch.cos(turns), 2**0.5 * torch.sin(turns)]
        if config.modes:
            mode = torch.randint(config.modes, (objects,), generator=random)
            parts.append(functional.one_hot(mode, config.modes).float())
        return torch.cat(parts, dim=1).view(count, -1)

    def latents(self, noise: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of all frames (N, objects, T, M + C), from noise as `draw_noise` gives it and text features (N, F).

        Each object gets them from the words of its own clause, from its own noise, and from the other objects' noise.

        Returns:
            The latents, and the free term of the text's scales (N * objects, `motion_width`).
        """
        if noise.dim() == 3:  # noise (N, T, Z): each frame is a frame of its own clip
            frames = noise.shape[1]
            latents, free = self.latents(noise.flatten(0, 1), text.repeat_interleave(frames, dim=0))
            latents = latents.view(len(noise), frames, *latents.shape[1:]).diagonal(dim1=1, dim2=3).movedim(-1, 2)
            return latents, free
        count, objects = len(noise), self.config.objects
        words = self.text(text).view(count * objects, -1)
        own = noise.view(count, objects, -1)
        rolled = torch.stack([own.roll(-first, dims=1).flatten(1) for first in range(objects)], dim=1)
        latents, free = self.motion(rolled.flatten(0, 1), words)  # (N objects, T, M + C)
        return latents.view(count, objects, *latents.shape[1:]), free

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        """Clips (N, T, 3, H, W) in [-1, 1], from noise as `draw_noise` gives it and text features (N, F)."""
        latents, _ = self.latents(noise, text)
        clips: Tensor = self.decoder(latents)
        return -clips if self.config.background == "black" else clips


def build_generator(config: ModelConfig, subject: Subject) -> TextGenerator:
    """A generator for the clips and the vocabulary of `subject`, with random weights.

    Raises:
        ValueError: see `TextGenerator`.
    """
    text = build_text(config, subject)
    return TextGenerator(config, text=text, clip=subject.format, one_look=subject.one_look)
