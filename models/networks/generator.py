"""The generator: text features and one random latent per clip become all of its frames at once.

Frames that come from one latent are consistent in time by construction, not by luck.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.networks.decoders import KeypointDecoder, LayerDecoder, SpriteDecoder
from models.networks.motion import MotionNetwork
from models.text.features import build_text
from models.text.protocols import TextFeatures

_DECODERS: dict[str, Callable[..., nn.Module]] = {
    "keypoint": KeypointDecoder,
    "sprite": SpriteDecoder,
    "layers": LayerDecoder,
}


class TextGenerator(nn.Module):
    """Text encoder, motion network and decoder: what a checkpoint keeps."""

    def __init__(self, config: ModelConfig, *, text: TextFeatures, frames: int, frame_size: int) -> None:
        super().__init__()
        self.things = config.things
        self.text = text.encoder(config.text_width)
        self.motion = MotionNetwork(config, frames=frames)
        self.decoder = _DECODERS[config.decoder](config, frame_size=frame_size)

    def latents(self, noise: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """From noise (N, Z) and text features (N, F): frame latents (N, things, T, M + C), and their free term.

        Each thing has them from the words of its own clause, its own noise, and the noise of the others after that.
        """
        text = self.text(text).view(len(noise) * self.things, -1)
        own = noise.view(len(noise), self.things, -1)
        every = torch.stack([own.roll(-thing, dims=1).flatten(1) for thing in range(self.things)], dim=1)
        latents, free = self.motion(every.flatten(0, 1), text)  # (N * things, ...)
        return latents.view(len(noise), self.things, *latents.shape[1:]), free

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        """Clips (N, T, 3, S, S) in [-1, 1] from noise (N, Z) and text features (N, F)."""
        latents, _ = self.latents(noise, text)
        clips: Tensor = self.decoder(latents)
        return clips


def build_generator(config: ModelConfig, world: WorldConfig) -> TextGenerator:
    """A generator for the clips and the vocabulary of `world`, with random weights."""
    text = build_text(config, world)
    return TextGenerator(config, text=text, frames=world.frames, frame_size=world.frame_size)


def draw_noise(count: int, *, config: ModelConfig, generator: torch.Generator) -> Tensor:
    """Latents float32 (count, config.latent_size), on the CPU: Gaussian components and a random one-hot a thing."""
    things = count * config.things
    noise = torch.randn(things, config.noise, generator=generator)
    if config.modes:
        mode = torch.randint(config.modes, (things,), generator=generator)
        noise = torch.cat([noise, functional.one_hot(mode, config.modes).float()], dim=1)
    return noise.view(count, -1)
