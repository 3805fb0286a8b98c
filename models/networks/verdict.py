"""The last layer of both discriminators: from features and text to a score, and with word heads to the prompt's words.

The score is a projection, as in Miyato & Koyama, "cGANs with Projection Discriminator" (2018): a term of the features
alone, plus the inner product of the features with a trained vector of the text.

With word heads, that vector is the sum of one vector per word. The inner product with each word's vector also serves as
the logit of whether the prompt holds that word. Real clips train these logits, which is the auxiliary classifier of
Odena et al., "Conditional Image Synthesis with Auxiliary Classifier GANs" (2017), with one factor per word. So the
discriminator learns how a star looks from all stars at once, whatever their colour. The score consists of these very
logits, so the gradient penalty keeps them smooth. A free projection beside them could take back what they say. It is
only there for texts whose word order matters, because word heads do not see the order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.networks.initialise import initialise
from models.text.protocols import TextFeatures


class Judgement(NamedTuple):
    """What a discriminator says of N clips or frames."""

    scores: Tensor
    """(N,): positive for real ones that fit their text."""
    words: Tensor | None
    """Logits (N, L) of the labels of their prompts; None without word heads."""


class WordHeads(nn.Module):
    """One trained vector per label. See the docstring of this module."""

    def __init__(self, labels: int, *, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(labels, width) / width**0.5)
        self.offsets = nn.Parameter(torch.zeros(labels))

    def judge(self, scores: Tensor, hidden: Tensor, labels: Tensor) -> Judgement:
        """Add the labels' part to scores (N,), from features (N, H) and the prompts' labels (N, L)."""
        logits = hidden @ self.vectors.T  # (N, L)
        return Judgement(scores + (logits * labels).sum(1), logits + self.offsets)


class Verdict(nn.Module):
    """From features and text to a `Judgement`."""

    def __init__(self, config: ModelConfig, *, text: TextFeatures, labels: int, width: int) -> None:
        """Layers for `width` features, with a word head for each of `labels` labels if the configuration wants them."""
        super().__init__()
        self.score = nn.Linear(width, 1)
        projected = (text.ordered or not config.word_heads) and "text_in_discriminator" not in config.without
        self.projection = nn.Linear(text.reading_width, width, bias=False) if projected else None
        initialise(self)
        self.heads = WordHeads(labels, width=width) if config.word_heads else None

    def forward(self, hidden: Tensor, read: Tensor, labels: Tensor) -> Judgement:
        """Judge features (N, H), given read text (N, R) and labels (N, L)."""
        scores = self.score(hidden).squeeze(1)
        if self.projection is not None:
            scores = scores + (self.projection(read) * hidden).sum(1) / hidden.shape[1] ** 0.5
        return Judgement(scores, None) if self.heads is None else self.heads.judge(scores, hidden, labels)
