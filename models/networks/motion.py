"""From noise and text to the latents of all frames: one content latent per clip, one motion latent per frame.

How an object looks stays the same during a clip, and where it is does not. Both have their own latents, as in Tulyakov
et al., "MoCoGAN: Decomposing Motion and Content for Video Generation" (2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.initialise import initialise

TEXT_IN_LINEAR_TERM, TEXT_IN_FREE_TERM = 2.0, 0.4
"""Scales of the text. The linear term should say as much as it can, because unseen phrases are then drawn better."""


class MotionNetwork(nn.Module):
    """Draws the latents of all frames at once.

    The motion is the sum of two terms. In the linear term, the text scales each feature of the noise, and the scales
    are linear in the text. So a word that the training showed only beside others ("up" in "up-right") has the same
    effect alone. The free term is for what the linear term cannot say. Without a penalty the training would let it say
    most of the text, so its size is a part of the generator's loss (`train.free_term_penalty`).

    The sum gives amplitudes of cosines over time. Slow cosines are scaled up, so that paths are smooth from the start.

    With `additive_content`, the content is the sum of what the noise says and what each word says. So "star" and "red"
    mean the same beside all other words.
    """

    basis: Tensor

    def __init__(self, config: ModelConfig, *, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("basis", _cosines(frames), persistent=False)
        noise, width, out = config.latent_size, config.motion_width, frames * config.motion
        layers: list[nn.Module] = [nn.Linear(noise, width)]
        for _ in range(config.noise_layers):
            layers += [nn.LeakyReLU(0.2), nn.Linear(width, width)]
        self.from_noise = nn.Sequential(*layers)
        self.from_text = nn.Linear(config.text_width, width, bias=False)
        self.mix = nn.Linear(width, out, bias=False)
        self.hidden = nn.Sequential(
            nn.Linear(noise + config.text_width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.free = nn.Linear(width, out)
        additive = config.additive_content
        inputs = noise if additive else noise + config.text_width
        self.content = nn.Sequential(nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, config.content))
        self.content_of_text = nn.Linear(config.text_width, config.content, bias=False) if additive else None
        initialise(self)
        for last in (self.mix, self.free):
            nn.init.normal_(last.weight, std=0.5 / width**0.5)

    def forward(self, noise: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (N, T, M + C) of all frames, from noise (N, Z) and text embeddings (N, W).

        The motion latent (M) comes before the content latent (C), which is the same in all frames of a clip.

        Returns:
            The latents, and the free term as amplitudes (N, T * M).
        """
        linear = self.mix(self.from_noise(noise) * self.from_text(TEXT_IN_LINEAR_TERM * text))  # (N, T M)
        free = self.free(self.hidden(torch.cat([noise, TEXT_IN_FREE_TERM * text], dim=1)))  # (N, T M)
        amplitudes = (linear + free).view(len(noise), self.frames, -1)  # (N, T, M)
        if self.content_of_text is None:
            content = self.content(torch.cat([noise, text], dim=1))  # (N, C)
        else:
            content = self.content(noise) + self.content_of_text(text)
        content = content.unsqueeze(1).expand(-1, self.frames, -1)  # (N, T, C)
        return torch.cat([torch.matmul(self.basis, amplitudes), content], dim=2), free


def _cosines(frames: int) -> Tensor:
    """Orthogonal cosine transform (T, T) from amplitudes to frames. Wave k is scaled by 1 / (1 + k / 10)."""
    time, wave = torch.arange(frames).unsqueeze(1) + 0.5, torch.arange(frames)
    basis = torch.cos(torch.pi * time * wave / frames)
    basis[:, 1:] *= 2**0.5
    return basis / (1 + wave / 10)
