"""The text encoder: one trained vector a word, summed over the prompt."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from data.prompts import Vocabulary


class BagOfWords(nn.Module):
    """Word counts (N, V) to text embeddings (N, C): the sum of the words' vectors.

    A sum, not a mean: "moving up" is then "moving up-right" less the vector of "right".
    """

    def __init__(self, words: int, *, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(words, width) * 0.5)

    def forward(self, counts: Tensor) -> Tensor:
        return counts @ self.vectors


def word_counts(vocabulary: Vocabulary, prompts: list[str]) -> Tensor:
    """float32 (N, V): how often each word of the vocabulary stands in each prompt.

    Raises:
        PromptError: a prompt is empty or holds a word outside the vocabulary.
    """
    tokens = torch.from_numpy(vocabulary.encode(prompts))
    counts = torch.zeros(len(prompts), len(vocabulary.words) + 1)
    counts.scatter_add_(1, tokens, torch.ones(tokens.shape))
    return counts[:, 1:]
