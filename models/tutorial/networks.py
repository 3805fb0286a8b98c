"""The tutorial's generator and discriminator: a DCGAN of single frames without any normalisation.

Layers have the published names, so that the exported weights load into the published classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.worlds.world import WorldConfig
from models.networks.clip_generator import ClipGenerator
from models.tutorial.words import published_words

NOISE, TEXT = 100, 10
"""Widths of the noise and of a word's vector."""
_CHANNELS = 256


class Generator(nn.Module):
    """The published generator: frames (N, 3, S, S) in [-1, 1] from noise (N, 100) and text vectors (N, 10)."""

    def __init__(self, *, frame_size: int) -> None:
        super().__init__()
        self.cells = frame_size // 8
        self.fc1 = nn.Linear(NOISE + TEXT, _CHANNELS * self.cells**2)
        self.deconv1 = nn.ConvTranspose2d(_CHANNELS, 128, 4, 2, 1)
        self.deconv2 = nn.ConvTranspose2d(128, 64, 4, 2, 1)
        self.deconv3 = nn.ConvTranspose2d(64, 3, 4, 2, 1)

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        hidden = self.fc1(torch.cat([noise, text], dim=1)).view(-1, _CHANNELS, self.cells, self.cells)
        hidden = functional.relu(self.deconv1(hidden))  # (N, 128, S/4, S/4)
        hidden = functional.relu(self.deconv2(hidden))  # (N, 64, S/2, S/2)
        return torch.tanh(self.deconv3(hidden))  # (N, 3, S, S)


class Discriminator(nn.Module):
    """The published discriminator: logits (N,) of frames (N, 3, S, S) in [-1, 1].

    The published network ends with the sigmoid of these logits. It does not see the text.
    """

    def __init__(self, *, frame_size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 4, 2, 1)
        self.conv2 = nn.Conv2d(64, 128, 4, 2, 1)
        self.conv3 = nn.Conv2d(128, _CHANNELS, 4, 2, 1)
        self.fc1 = nn.Linear(_CHANNELS * (frame_size // 8) ** 2, 1)

    def forward(self, frames: Tensor) -> Tensor:
        hidden = functional.leaky_relu(self.conv1(frames), 0.2)  # (N, 64, S/2, S/2)
        hidden = functional.leaky_relu(self.conv2(hidden), 0.2)  # (N, 128, S/4, S/4)
        hidden = functional.leaky_relu(self.conv3(hidden), 0.2)  # (N, 256, S/8, S/8)
        logits: Tensor = self.fc1(hidden.flatten(1)).squeeze(1)
        return logits


class TutorialGenerator(ClipGenerator):
    """The word vectors and the published generator, which together draw a video."""

    def __init__(self, *, words: int, frames: int, frame_size: int) -> None:
        super().__init__()
        self.frames = frames
        self.embedding = nn.Embedding(words, TEXT)
        self.pictures = Generator(frame_size=frame_size)

    def draw_noise(self, count: int, *, random: torch.Generator) -> Tensor:
        """Fresh noise for each frame (count, T, 100)."""
        return torch.randn((count, self.frames, NOISE), generator=random)

    def draw(self, noise: Tensor, shares: Tensor) -> Tensor:
        """One pass of the published generator: frames (N, 3, S, S) from noise (N, 100) and word shares (N, V)."""
        frames: Tensor = self.pictures(noise, shares @ self.embedding.weight)
        return frames

    def forward(self, noise: Tensor, shares: Tensor) -> Tensor:
        """Clips (N, T, 3, S, S) in [-1, 1], from noise as `draw_noise` gives it and word shares (N, V)."""
        frames = self.draw(noise.flatten(0, 1), shares.repeat_interleave(self.frames, dim=0))
        return frames.view(-1, self.frames, *frames.shape[1:])


def build_tutorial_generator(world: WorldConfig) -> TutorialGenerator:
    """A generator for the clips and the words of `world`, with random weights."""
    words = len(published_words(world))
    return TutorialGenerator(words=words, frames=world.frames, frame_size=world.frame_size)
