"""The discriminator that judges single frames at full resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from data.clip_format import ClipFormat
from models.config import ModelConfig
from models.networks.discriminator import Discriminator
from models.networks.initialise import initialise
from models.networks.verdict import Judgement, Verdict
from models.text.protocols import TextFeatures


class FrameDiscriminator(Discriminator):
    """Judges single frames together with their text. It cares for crisp outlines and shapes.

    With `frame_pooling` it keeps the mean and the maximum of each feature over the whole frame. A shape that it learned
    to tell in one place is then known in all places, but it no longer sees where an object is.
    """

    def __init__(self, config: ModelConfig, *, text: TextFeatures, labels: int, clip: ClipFormat) -> None:
        """Layers with random weights, for `labels` labels of the word heads and frames of the format `clip`."""
        super().__init__()
        width = config.frame_discriminator_channels
        cells = -(-clip.height // 16) * -(-clip.width // 16)
        self.body = _pooling_layers(width) if config.frame_pooling else _flat_layers(width, cells=cells)
        initialise(self)
        self.reader = text.reader()
        self.verdict = Verdict(config, text=text, labels=labels, width=4 * width)

    def see(self, frames: Tensor) -> Tensor:
        """Features (N, 4 width) of frames (N, 3, H, W) in [-1, 1]."""
        features: Tensor = self.body((frames - 1).contiguous(memory_format=torch.channels_last))
        return features

    def judge(self, seen: Tensor, text: Tensor, labels: Tensor) -> Judgement:
        """Judge features (N, 4 width), given text features (N, F) and labels (N, L) of the frames' prompts."""
        judged: Judgement = self.verdict(seen, self.reader(text), labels)
        return judged


def _flat_layers(width: int, *, cells: int) -> nn.Sequential:
    """Frames (N, 3, H, W) to features (N, 4 * width) that know where things are; `cells` is H / 16 * W / 16."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, stride=4),  # (N, width, H/4, W/4)
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, width, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 3 * width // 2, 3, stride=2, padding=1),  # (N, 1.5 width, H/8, W/8)
        nn.LeakyReLU(0.2),
        nn.Conv2d(3 * width // 2, 2 * width, 3, stride=2, padding=1),  # (N, 2 width, H/16, W/16)
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * cells, 4 * width),
        nn.LeakyReLU(0.2),
    )


def _pooling_layers(width: int) -> nn.Sequential:
    """Frames (N, 3, H, W) to features (N, 4 * width) that do not know where things are."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, stride=4),  # (N, width, H/4, W/4)
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 3 * width // 2, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(3 * width // 2, 4 * width, 3, stride=2, padding=1),  # (N, 4 width, H/8, W/8)
        nn.LeakyReLU(0.2),
        _MeanAndMaximum(),  # (N, 8 width)
        nn.Linear(8 * width, 4 * width),
        nn.LeakyReLU(0.2),
    )


class _MeanAndMaximum(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)
