"""From noise and text to the latents of all frames: one content latent per clip, one motion latent per frame.

How an object looks stays the same during a clip, and where it is does not. Both have their own latents, as in Tulyakov
et al., "MoCoGAN: Decomposing Motion and Content for Video Generation" (2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.content import ManyLooks, OneLook
from models.networks.cosines import slow_waves
from models.networks.initialise import initialise

TEXT_SCALE = 2.0
"""Scale of the text where it scales the noise's features."""
FREE_WIDTH = 128
"""Hidden width of the free term."""


class MotionNetwork(nn.Module):
    """Draws the latents of all frames at once.

    The text scales each feature of the noise. The scales are the sum of two terms. The first is linear in the text, so
    a word that the training showed only beside others ("up" in "up-right") has the same effect alone. The free term is
    for what words mean only together, such as the axis of a bounce. Left alone it would say most of the text. So its
    size is a part of the generator's loss (`train.free_term_penalty`), and a prompt whose free term has a root mean
    square below `threshold` has none. The text of such prompts adds up exactly.

    The products become amplitudes of cosines over time. Slow cosines are scaled up, so that paths are smooth from the
    start.

    The content is a trained constant if all objects of the world look the same, and otherwise the sum in `ManyLooks`.
    """

    basis: Tensor
    threshold: Tensor
    """0-d. It rises during the training (`train.free_term_threshold`), and is a part of the weights."""

    def __init__(self, config: ModelConfig, *, frames: int, one_look: bool) -> None:
        super().__init__()
        self.frames = frames
        basis = slow_waves(frames)
        if "cosines" in config.without:
            basis = basis.square().sum(dim=1).mean().sqrt() * torch.eye(frames)  # the latents begin as large
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("threshold", torch.zeros(()))
        noise, width = config.latent_size, config.motion_width
        layers: list[nn.Module] = [nn.Linear(noise, width)]
        for _ in range(config.noise_layers):
            layers += [nn.LeakyReLU(0.2), nn.Linear(width, width)]
        self.from_noise = nn.Sequential(*layers)
        linear = "linear_text" not in config.without
        self.from_text = nn.Linear(config.text_width, width, bias=False) if linear else None
        last = nn.Linear(FREE_WIDTH, width)
        self.free = nn.Sequential(nn.Linear(config.text_width, FREE_WIDTH), nn.LeakyReLU(0.2), last)
        self.mix = nn.Linear(width, frames * config.motion, bias=False)
        self.content = OneLook(config) if one_look else ManyLooks(config)
        initialise(self)
        nn.init.normal_(self.mix.weight, std=0.5 / width**0.5)
        if linear:
            nn.init.normal_(last.weight, std=0.1 / FREE_WIDTH**0.5)

    def forward(self, noise: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (N, T, M + C) of all frames, from noise (N, Z) and text embeddings (N, W).

        The motion latent (M) comes before the content latent (C), which is the same in all frames of a clip.

        Returns:
            The latents, and the free term of the scales before the threshold (N, `motion_width`). Without the part
            `linear_text`, the free term is all that the text says, and 0 is returned for it, so that it has no penalty.
        """
        free = self.free(text)
        if self.from_text is None:
            scales, free = free, torch.zeros_like(free)
        else:
            scales = self.from_text(TEXT_SCALE * text) + shrunk(free, self.threshold)
        amplitudes = self.mix(self.from_noise(noise) * scales).view(len(noise), self.frames, -1)  # (N, T, M)
        content = self.content(noise, text).unsqueeze(1).expand(-1, self.frames, -1)  # (N, T, C)
        return torch.cat([torch.matmul(self.basis, amplitudes), content], dim=2), free


def shrunk(free: Tensor, threshold: Tensor) -> Tensor:
    """The rows of `free` (N, W), made shorter so that their root mean squares fall by `threshold`, or to 0.

    This is the proximal operator of the group lasso: Yuan & Lin, "Model Selection and Estimation in Regression with
    Grouped Variables" (2006).
    """
    return free * torch.relu(1 - threshold / sizes(free))


def sizes(free: Tensor) -> Tensor:
    """The root mean square of each row of `free` (N, W): (N, 1). It has a gradient even where it is 0."""
    return (free.square().mean(dim=1, keepdim=True) + 1e-6).sqrt()
