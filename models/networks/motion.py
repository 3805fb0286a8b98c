"""From noise and text to what every frame shows: one content a clip, one motion latent a frame.

What a thing looks like stays the same throughout a clip, where it is does not. The two have latents of their own, as in
Tulyakov et al., "MoCoGAN: Decomposing Motion and Content for Video Generation" (2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.initialise import initialise

# Scales of the text. What the linear term can say, the free one shall not: unseen phrases are drawn better then.
TEXT_IN_LINEAR_TERM, TEXT_IN_FREE_TERM = 2.0, 0.4


class MotionNetwork(nn.Module):
    """Latents of all frames at once; a term linear in the text plus a free one.

    In the linear term each noise feature is scaled by a linear image of the text, so a word that was only seen in
    company ("up" in "up-right") acts alone as it did there.

    The network's outputs are amplitudes of cosines over time, slow ones scaled up: a path is smooth before it is
    anything else.

    With additive content, the content is a sum of what the noise and what each word say: "star" and "red" are then the
    same in all company.

    Left alone, training lets the free term say most of the text; so the trainer makes it pay for its size.
    """

    basis: Tensor

    def __init__(self, config: ModelConfig, *, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("basis", _cosines(frames), persistent=False)
        noise, width, out = config.latent_size, config.motion_width, frames * config.motion
        self.from_noise = nn.Sequential(nn.Linear(noise, width), nn.LeakyReLU(0.2), nn.Linear(width, width))
        self.from_text = nn.Linear(config.text_width, width, bias=False)
        self.mix = nn.Linear(width, out, bias=False)
        self.hidden = nn.Sequential(
            nn.Linear(noise + config.text_width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.free = nn.Linear(width, out)
        apart = config.additive_content
        inputs = noise if apart else noise + config.text_width
        self.content = nn.Sequential(nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, config.content))
        self.content_of_text = nn.Linear(config.text_width, config.content, bias=False) if apart else None
        initialise(self)
        for last in (self.mix, self.free):
            nn.init.normal_(last.weight, std=0.5 / width**0.5)

    def forward(self, noise: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Frame latents (N, T, M + C) from noise (N, Z) and text (N, W): M of motion, then C of content.

        The content is the same in all frames of a clip. The second result is the free term, amplitudes (N, T * M).
        """
        linear = self.mix(self.from_noise(noise) * self.from_text(TEXT_IN_LINEAR_TERM * text))
        free = self.free(self.hidden(torch.cat([noise, TEXT_IN_FREE_TERM * text], dim=1)))
        amplitudes = (linear + free).view(len(noise), self.frames, -1)  # (N, T, M)
        if self.content_of_text is None:
            content = self.content(torch.cat([noise, text], dim=1))
        else:
            content = self.content(noise) + self.content_of_text(text)
        content = content.unsqueeze(1).expand(-1, self.frames, -1)  # (N, T, C)
        return torch.cat([torch.matmul(self.basis, amplitudes), content], dim=2), free


def _cosines(frames: int) -> Tensor:
    """Orthogonal cosine transform (T, T) from amplitudes to frames; the k-th wave is scaled by 1 / (1 + k / 10)."""
    time, wave = torch.arange(frames).unsqueeze(1) + 0.5, torch.arange(frames)
    basis = torch.cos(torch.pi * time * wave / frames)
    basis[:, 1:] *= 2**0.5
    return basis / (1 + wave / 10)
