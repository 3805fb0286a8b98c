"""What all generators have in common."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ClipGenerator(nn.Module):
    """Draws clips (N, T, 3, S, S) in [-1, 1]: `generator(noise, text)`, with text features (N, F)."""

    def draw_noise(self, count: int, *, random: torch.Generator) -> Tensor:
        """Noise of `count` clips, float32 (count, ...) on the CPU."""
        raise NotImplementedError
