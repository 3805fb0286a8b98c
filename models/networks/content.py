"""From noise and text to the content latent, which says how an object looks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.config import ModelConfig


class OneLook(nn.Module):
    """For worlds in which all objects look the same apart from their pose: the content is a trained constant.

    Otherwise each prompt would have to learn its own circle, and the noise would have to learn not to change it.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.look = nn.Parameter(torch.randn(config.content))

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        """Content latents (N, C), from noise (N, Z) and text embeddings (N, W)."""
        return self.look.expand(len(noise), -1)


class ManyLooks(nn.Module):
    """The sum of what the noise says and what each word says: "star" and "red" mean the same beside all other words.

    Worlds need it whose held-out prompts combine shapes and colours in new ways.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.of_noise = nn.Sequential(
            nn.Linear(config.latent_size, 64), nn.LeakyReLU(0.2), nn.Linear(64, config.content)
        )
        self.of_text = nn.Linear(config.text_width, config.content, bias=False)

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        """Content latents (N, C), from noise (N, Z) and text embeddings (N, W)."""
        content: Tensor = self.of_noise(noise) + self.of_text(text)
        return content
