"""The tutorial's generator and discriminator: a DCGAN of single frames without any normalisation.

Layers have the published names, so that the exported weights load into the published classes. Layers that a repair adds
have names of their own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.networks.clip_generator import ClipGenerator
from models.tutorial.words import published_words

NOISE, TEXT = 100, 10
"""Widths of the noise and of a word's vector."""
_CHANNELS = 256


class Generator(nn.Module):
    """The published generator: pictures (N, C, S, S) in [-1, 1] from noise (N, 100) and text vectors (N, 10).

    As published, C is 3, which is one frame. The repair `clip_latent` draws all frames at once, and then C is 3 T.
    """

    def __init__(self, *, frame_size: int, channels: int) -> None:
        super().__init__()
        self.cells = frame_size // 8
        self.fc1 = nn.Linear(NOISE + TEXT, _CHANNELS * self.cells**2)
        self.deconv1 = nn.ConvTranspose2d(_CHANNELS, 128, 4, 2, 1)
        self.deconv2 = nn.ConvTranspose2d(128, 64, 4, 2, 1)
        self.deconv3 = nn.ConvTranspose2d(64, channels, 4, 2, 1)

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        hidden = self.fc1(torch.cat([noise, text], dim=1)).view(-1, _CHANNELS, self.cells, self.cells)
        hidden = functional.relu(self.deconv1(hidden))  # (N, 128, S/4, S/4)
        hidden = functional.relu(self.deconv2(hidden))  # (N, 64, S/2, S/2)
        return torch.tanh(self.deconv3(hidden))  # (N, C, S, S)


class Discriminator(nn.Module):
    """The published discriminator: logits (N,) of pictures (N, C, S, S) in [-1, 1].

    The published network ends with the sigmoid of these logits. It does not see the text. The repair
    `text_in_discriminator` adds a projection: Miyato & Koyama, "cGANs with Projection Discriminator" (2018).
    """

    def __init__(self, *, frame_size: int, channels: int, words: int | None) -> None:
        """Layers with random weights. `words` is the number of words for the projection; None leaves it out."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 4, 2, 1)
        self.conv2 = nn.Conv2d(64, 128, 4, 2, 1)
        self.conv3 = nn.Conv2d(128, _CHANNELS, 4, 2, 1)
        features = _CHANNELS * (frame_size // 8) ** 2
        self.fc1 = nn.Linear(features, 1)
        self.projection = nn.Linear(words, features, bias=False) if words is not None else None

    def forward(self, pictures: Tensor, shares: Tensor) -> Tensor:
        hidden = functional.leaky_relu(self.conv1(pictures), 0.2)  # (N, 64, S/2, S/2)
        hidden = functional.leaky_relu(self.conv2(hidden), 0.2)  # (N, 128, S/4, S/4)
        hidden = functional.leaky_relu(self.conv3(hidden), 0.2).flatten(1)  # (N, 256 S/8 S/8)
        logits: Tensor = self.fc1(hidden).squeeze(1)
        if self.projection is not None:
            logits = logits + (self.projection(shares) * hidden).sum(1) / hidden.shape[1] ** 0.5
        return logits


class TutorialGenerator(ClipGenerator):
    """The word vectors and the published generator, which together draw a video."""

    def __init__(self, config: ModelConfig, *, words: int, frames: int, frame_size: int) -> None:
        super().__init__()
        self.frames, self.whole_clips = frames, "clip_latent" in config.repairs
        self.embedding = nn.Embedding(words, TEXT)
        self.pictures = Generator(frame_size=frame_size, channels=3 * frames if self.whole_clips else 3)

    def draw_noise(self, count: int, *, random: torch.Generator) -> Tensor:
        """Fresh noise for each frame (count, T, 100), or with the repair `clip_latent` one per clip (count, 100)."""
        shape = (count, NOISE) if self.whole_clips else (count, self.frames, NOISE)
        return torch.randn(shape, generator=random)

    def draw(self, noise: Tensor, shares: Tensor) -> Tensor:
        """One pass of the published generator: (N, C, S, S) from noise (N, 100) and word shares (N, V)."""
        pictures: Tensor = self.pictures(noise, shares @ self.embedding.weight)
        return pictures

    def forward(self, noise: Tensor, shares: Tensor) -> Tensor:
        """Clips (N, T, 3, S, S) in [-1, 1], from noise as `draw_noise` gives it and word shares (N, V)."""
        if not self.whole_clips:
            noise, shares = noise.flatten(0, 1), shares.repeat_interleave(self.frames, dim=0)  # (N T, 100), (N T, V)
        pictures = self.draw(noise, shares)
        return pictures.view(-1, self.frames, 3, *pictures.shape[2:])


def build_tutorial_generator(config: ModelConfig, world: WorldConfig) -> TutorialGenerator:
    """A generator for the clips and the words of `world`, with random weights."""
    words = len(published_words(world))
    return TutorialGenerator(config, words=words, frames=world.frames, frame_size=world.frame_size)
