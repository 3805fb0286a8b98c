"""A trained reader of frozen text features: how far a text in free words says each word of the plain prompts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.text.tokens import BagOfWords

PENALTY = 3e-4
"""Weight of the squared weights, beside the cross entropy of a caption. Features have unit variance there."""
LEAST_SPREAD = 0.01
"""Features that vary less are not enlarged to unit variance: other texts could lie far outside."""
SHARPNESS = 2.0
"""Factor of the fitted logits. A word that a text says then counts as nearly 1, as in the plain prompt."""
ROUNDS = 100
"""The solver ends after so many rounds at the latest."""


class SoftWords(nn.Module):
    """Text features (N, F) to text embeddings (N, C), as if the text were a plain prompt.

    One logistic regression per plain word says how far the text means that word, 0 to 1. The embedding is the sum of
    the words' vectors, as for a plain prompt. So nothing else that the sentence encoder says changes a video, and the
    embeddings of plain prompts add up as their words do.

    The regressions are fitted once, before the first step. The game trains the vectors alone: a reader that changed
    with them would take longer, and could learn to read what the discriminators do not tell apart.
    """

    weight: Tensor
    """(F, V), a part of the weights that no optimiser changes."""
    bias: Tensor
    """(V,), as well."""

    def __init__(self, features: int, words: int, *, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(features, words))
        self.register_buffer("bias", torch.zeros(words))
        self.words = BagOfWords(words, width=width)

    def forward(self, features: Tensor) -> Tensor:
        read = torch.sigmoid(features @ self.weight + self.bias)  # (N, V)
        return torch.as_tensor(self.words(read))

    def fit(self, features: Tensor, counts: Tensor, *, often: Tensor) -> None:
        """Learn to read captions. The same arguments give the same reader on one machine with as many threads.

        Args:
            features: text features of N captions, float32 (N, F).
            counts: how often each plain word stands in the prompts that mean the same, float32 (N, V).
            often: how often the training clips have each caption with this prompt, float32 (N,).
        """
        mean, scale = features.mean(0), features.std(0, correction=0).clamp(min=LEAST_SPREAD)
        wanted, share = counts.clamp(max=1), (often / often.sum()).unsqueeze(1)
        weight, bias = (torch.zeros_like(part, requires_grad=True) for part in (self.weight, self.bias))
        solver = torch.optim.LBFGS([weight, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            solver.zero_grad()
            scaled = weight / scale.unsqueeze(1)
            read = features @ scaled + (bias - mean @ scaled)
            wrong = functional.binary_cross_entropy_with_logits(read, wanted, weight=share, reduction="sum")
            value = wrong + PENALTY * weight.square().sum()
            torch.autograd.backward(value)
            return value

        solver.step(loss)  # type: ignore[no-untyped-call]
        found = weight.detach() / scale.unsqueeze(1)
        self.weight.copy_(SHARPNESS * found)
        self.bias.copy_(SHARPNESS * (bias.detach() - mean @ found))
