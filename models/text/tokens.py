"""Learned tokens: a prompt is the counts of its words, and each word has one trained vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data.captions import UnknownWords, Vocabulary


class BagOfWords(nn.Module):
    """Word counts (N, V) to text embeddings (N, C): the sum of the words' vectors.

    A sum and not a mean, so that "moving up" is "moving up-right" minus the vector of "right".
    """

    def __init__(self, words: int, *, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(words, width) * 0.5)

    def forward(self, counts: Tensor) -> Tensor:
        return counts @ self.vectors


class WordCounts:
    """Word counts as text features. The order of the words does not matter. See `TextFeatures`."""

    frozen, ordered = None, False

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.width = self.reading_width = len(vocabulary.words)

    def check(self, prompts: Sequence[str]) -> None:
        self._vocabulary.encode(prompts)

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        return word_counts(self._vocabulary, prompts, unknown_words=unknown_words)

    def encoder(self, width: int) -> nn.Module:
        return BagOfWords(self.width, width=width)

    def reader(self) -> nn.Module:
        return nn.Identity()


def word_counts(vocabulary: Vocabulary, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
    """How often each word of the vocabulary stands in each prompt: float32 (N, V).

    Raises:
        PromptError: a prompt is empty. Also if it holds no word or an unknown one, and unknown words are refused.
    """
    tokens = torch.from_numpy(vocabulary.encode(prompts, unknown_words=unknown_words))  # (N, L)
    counts = torch.zeros(len(prompts), len(vocabulary.words) + 1)
    counts.scatter_add_(1, tokens, torch.ones(tokens.shape))
    return counts[:, 1:]
