"""The discriminator that judges whole clips."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.clip_format import ClipFormat
from models.config import ModelConfig
from models.networks.cosines import fast_waves
from models.networks.discriminator import Discriminator
from models.networks.initialise import initialise
from models.networks.verdict import Judgement, Verdict
from models.text.protocols import TextFeatures

PATCH = 4
"""Side of the patches that the clip discriminator reads, in pixels that it sees."""


class Seen(NamedTuple):
    """What the clip discriminator sees of N clips before it reads their prompts."""

    waves: Tensor
    """The frames' features as waves over time, (N, T * `frame_features`)."""
    spread_of_ink: Tensor
    """How much the ink differs within each group, (N / group, 1)."""


class ClipDiscriminator(Discriminator):
    """Judges a whole clip together with its text, at every second pixel.

    Clips come in groups, and the discriminator sees the spread within each group: minibatch standard deviation, Karras
    et al., "Progressive Growing of GANs" (2018). The clips of a group share a prompt if there are enough of them, and
    the generated clips of a group have the prompts of the real ones. The spread of the features reveals a
    generator that has one answer per prompt. The spread of the ink, the distance of all pixels from white, reveals a
    generator that draws one size.

    The features of the frames become waves over time, in which fast waves are enlarged (`fast_waves`). The places on a
    real path are mostly slow waves. In a shaking object's features the fast waves are small, but no less wrong, and the
    layers behind learn to see them as soon as the slow ones.
    """

    waves: Tensor

    def __init__(self, config: ModelConfig, *, text: TextFeatures, labels: int, clip: ClipFormat, group: int) -> None:
        """Layers with random weights.

        Args:
            config: sizes of the layers.
            text: how prompts are read.
            labels: number of labels of the word heads.
            clip: format of the clips.
            group: clips that stand together.
        """
        super().__init__()
        self.group = group
        cells = (clip.height // (2 * PATCH)) * (clip.width // (2 * PATCH))
        self.register_buffer("waves", fast_waves(clip.frames, gain=config.fast_waves), persistent=False)
        self.patches = nn.Linear(3 * PATCH**2, 32)  # a convolution of stride 4, which takes longer
        self.conv = nn.Conv2d(32, 16, 3, padding=1)
        self.frame = nn.Linear(16 * cells, config.frame_features)
        width = config.discriminator_width
        # Word heads have to find the words in the pixels, so with them the text is not an input.
        unread = config.word_heads or "text_in_discriminator" in config.without
        beside = 0 if unread else config.text_width
        self.text = nn.Linear(text.reading_width, beside) if beside else None
        self.first = nn.Linear(clip.frames * config.frame_features + beside, width)
        self.second = nn.Linear(width + 2, width)
        initialise(self)
        self.reader = text.reader()
        self.verdict = Verdict(config, text=text, labels=labels, width=width)

    def see(self, clips: Tensor) -> Seen:
        """What clips (N, T, 3, H/2, W/2) in [-1, 1] show, whatever their prompts."""
        count = len(clips)
        patches = functional.pixel_unshuffle((clips - 1).flatten(0, 1), PATCH)  # (N T, 48, H/8, W/8)
        features = self.patches(patches.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # (N T, 32, H/8, W/8)
        features = functional.leaky_relu(features, 0.2)
        features = functional.leaky_relu(self.conv(features), 0.2)  # (N T, 16, H/8, W/8)
        features = functional.leaky_relu(self.frame(features.flatten(1)), 0.2)  # (N T, frame_features)
        waves = torch.matmul(self.waves, features.view(count, -1, features.shape[1])).flatten(1)
        return Seen(waves, self._spread_of_ink(clips))

    def judge(self, seen: Seen, text: Tensor, labels: Tensor) -> Judgement:
        """Judge N clips that stand in groups, given text features (N, F) and labels (N, L) of their prompts."""
        read, joined = self.reader(text), seen.waves
        if self.text is not None:
            joined = torch.cat([joined, self.text(read)], dim=1)
        hidden = functional.leaky_relu(self.first(joined), 0.2)  # (N, H)
        groups = hidden.view(-1, self.group, hidden.shape[1])
        spread = _deviation(groups).mean(dim=1, keepdim=True)  # (N / group, 1)
        spread = torch.cat([spread, seen.spread_of_ink], dim=1).repeat_interleave(self.group, dim=0)  # (N, 2)
        hidden = functional.leaky_relu(self.second(torch.cat([hidden, spread], dim=1)), 0.2)  # (N, H)
        judged: Judgement = self.verdict(hidden, read, labels)
        return judged

    def _spread_of_ink(self, clips: Tensor) -> Tensor:
        """Standard deviation over mean of the ink within each group, (N / group, 1), scaled to the size of features."""
        ink = (1 - clips).flatten(1).mean(1).view(-1, self.group)
        spread = _deviation(ink) / (ink.mean(dim=1).abs() + 1e-3)
        return torch.as_tensor(5 * spread.unsqueeze(1))


def _deviation(groups: Tensor) -> Tensor:
    """Standard deviation over dimension 1. It has a gradient even if all members are equal."""
    return (groups.var(dim=1, unbiased=False) + 1e-8).sqrt()
