"""The discriminators. Both see the text, through a projection.

Miyato & Koyama, "cGANs with Projection Discriminator" (2018): the score is a term of the picture alone plus the inner
product of its features with a trained vector of the text.

With word heads that vector is the sum of a vector a word, and the inner product with each of them is, by itself, the
logit of whether the prompt holds the word. Learned from real clips, this is the auxiliary classifier of Odena et al.,
"Conditional Image Synthesis with Auxiliary Classifier GANs" (2017), in factors: what "star" looks like is learned from
all stars at once, whatever their colour. Since the score is made of these very logits, the gradient penalty keeps them
smooth. A projection beside them could take back what they say, so it is there only for texts whose order matters, which
words alone do not tell. Where several things move, there is a head for each two words of one clause, too: see `Labels`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import ModelConfig
from models.networks.initialise import initialise
from models.text.protocols import TextFeatures


class Judgement(NamedTuple):
    """`scores` (N,) of pictures beside their text; `words` (N, L) logits of the labels of their prompts, with heads."""

    scores: Tensor
    words: Tensor | None


class WordHeads(nn.Module):
    """A vector a label; see the head of this file."""

    def __init__(self, labels: int, *, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(labels, width) / width**0.5)
        self.offsets = nn.Parameter(torch.zeros(labels))

    def judge(self, scores: Tensor, hidden: Tensor, said: Tensor) -> Judgement:
        """Scores (N,) with the labels' part added, from features (N, H) and the prompts' labels (N, L)."""
        logits = hidden @ self.vectors.T
        return Judgement(scores + (logits * said).sum(1), logits + self.offsets)


class Verdict(nn.Module):
    """The last layer: from a picture's features and its text to a `Judgement`."""

    def __init__(self, config: ModelConfig, *, text: TextFeatures, labels: int, width: int) -> None:
        """`labels`: number of the word heads; `width`: number of features."""
        super().__init__()
        self.score = nn.Linear(width, 1)
        projected = text.ordered or not config.word_heads
        self.projection = nn.Linear(text.reading_width, width, bias=False) if projected else None
        initialise(self)
        self.heads = WordHeads(labels, width=width) if config.word_heads else None

    def forward(self, hidden: Tensor, read: Tensor, said: Tensor) -> Judgement:
        """Of features (N, H), with read text (N, R) and labels (N, L)."""
        scores = self.score(hidden).squeeze(1)
        if self.projection is not None:
            scores = scores + (self.projection(read) * hidden).sum(1) / hidden.shape[1] ** 0.5
        return Judgement(scores, None) if self.heads is None else self.heads.judge(scores, hidden, said)


class ClipDiscriminator(nn.Module):
    """Judges a whole clip, at every second pixel, together with its text.

    Clips come in groups of one prompt, and the spread within a group is seen too (minibatch standard deviation, Karras
    et al., "Progressive Growing of GANs", 2018): that of the features, so that a generator with one answer a prompt is
    found out, and that of the ink, the distance of all pixels from white, so that one with one size is.
    """

    def __init__(
        self, config: ModelConfig, *, text: TextFeatures, labels: int, frames: int, frame_size: int, group: int
    ) -> None:
        """`labels`: number of the word heads; `group`: clips of one prompt that stand together."""
        super().__init__()
        self.group = group
        cells = frame_size // 8
        self.patches = nn.Conv2d(3, 32, 4, stride=4)
        self.conv = nn.Conv2d(32, 16, 3, padding=1)
        self.frame = nn.Linear(16 * cells**2, config.frame_features)
        width = config.critic_width
        # Word heads must find the words in the pixels, so the text is not laid beside them.
        beside = 0 if config.word_heads else config.text_width
        self.text = nn.Linear(text.reading_width, beside) if beside else None
        self.first = nn.Linear(frames * config.frame_features + beside, width)
        self.second = nn.Linear(width + 2, width)
        initialise(self)
        self.reader = text.reader()
        self.verdict = Verdict(config, text=text, labels=labels, width=width)

    def forward(self, clips: Tensor, text: Tensor, said: Tensor) -> Judgement:
        """Of clips (N, T, 3, S/2, S/2) in [-1, 1], with text features (N, F) and labels (N, L) of their prompts.

        N in groups of one prompt.
        """
        count, read = len(clips), self.reader(text)
        pictures = (clips - 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = functional.leaky_relu(self.patches(pictures), 0.2)
        features = functional.leaky_relu(self.conv(features), 0.2)
        features = functional.leaky_relu(self.frame(features.flatten(1)), 0.2)  # (N * T, F)
        joined = features.view(count, -1)
        if self.text is not None:
            joined = torch.cat([joined, self.text(read)], dim=1)
        hidden = functional.leaky_relu(self.first(joined), 0.2)
        groups = hidden.view(-1, self.group, hidden.shape[1])
        spread = _deviation(groups).mean(dim=1, keepdim=True)
        spread = torch.cat([spread, self._spread_of_ink(clips)], dim=1).repeat_interleave(self.group, dim=0)
        hidden = functional.leaky_relu(self.second(torch.cat([hidden, spread], dim=1)), 0.2)
        judged: Judgement = self.verdict(hidden, read, said)
        return judged

    def _spread_of_ink(self, clips: Tensor) -> Tensor:
        """(N / group, 1): standard deviation over mean of the clips' ink, enlarged to the size of other features."""
        ink = (1 - clips).flatten(1).mean(1).view(-1, self.group)
        spread = _deviation(ink) / (ink.mean(dim=1).abs() + 1e-3)
        return torch.as_tensor(5 * spread.unsqueeze(1))


def _deviation(groups: Tensor) -> Tensor:
    """Standard deviation within groups, over dimension 1; differentiable where all members are equal, too."""
    return (groups.var(dim=1, unbiased=False) + 1e-8).sqrt()


class FrameDiscriminator(nn.Module):
    """Judges single frames at full resolution, together with the text: crisp outlines are its business.

    With pooling, what it knows of a frame is the mean and the largest of each feature over all places: a shape that it
    learned to tell in one place is told in all, but where things are is not.
    """

    def __init__(self, config: ModelConfig, *, text: TextFeatures, labels: int, frame_size: int) -> None:
        """`labels`: number of the word heads."""
        super().__init__()
        width = config.frame_critic_channels
        self.body = _pooled(width) if config.frame_pooling else _flat(width, cells=frame_size // 16)
        initialise(self)
        self.reader = text.reader()
        self.verdict = Verdict(config, text=text, labels=labels, width=4 * width)

    def forward(self, frames: Tensor, text: Tensor, said: Tensor) -> Judgement:
        """Of frames (N, 3, S, S) in [-1, 1], with text features (N, F) and labels (N, L) of their prompts."""
        hidden = self.body((frames - 1).contiguous(memory_format=torch.channels_last))
        judged: Judgement = self.verdict(hidden, self.reader(text), said)
        return judged


def _flat(width: int, *, cells: int) -> nn.Sequential:
    """Pictures (N, 3, S, S) to features (N, 4 * width) that know places; of `cells` = S / 16."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, stride=4),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, width, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 3 * width // 2, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(3 * width // 2, 2 * width, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * cells**2, 4 * width),
        nn.LeakyReLU(0.2),
    )


def _pooled(width: int) -> nn.Sequential:
    """Pictures (N, 3, S, S) to features (N, 4 * width) that do not."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, stride=4),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 3 * width // 2, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(3 * width // 2, 4 * width, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        _MeanAndLargest(),
        nn.Linear(8 * width, 4 * width),
        nn.LeakyReLU(0.2),
    )


class _MeanAndLargest(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)
