"""Prompts of several objects: each thing reads the clause that speaks of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data.worlds.prompts import AND, PromptError, UnknownWords, clauses, quoted
from models.text.frozen import FrozenWeights
from models.text.protocols import TextFeatures


class ByClause:
    """Of each clause of a prompt, cut at "and", the features that `inner` gives it, one after the other.

    See `TextFeatures`. The encoder's embeddings are one after the other, too, each from its clause alone: what "red"
    says of the first thing it says of no other. A prompt has as many clauses as those of the training; of objects
    beyond them nothing is said (zeros), and clauses beyond the objects are read by the last one.
    """

    def __init__(self, inner: TextFeatures, *, objects: int, prompts: Sequence[str]) -> None:
        """`prompts` are those of the training."""
        self._inner, self._objects = inner, objects
        self._counts = sorted({_count(prompt) for prompt in prompts})
        self.width, self.reading_width = objects * inner.width, objects * inner.reading_width
        self.ordered = inner.ordered

    @property
    def frozen(self) -> FrozenWeights | None:
        return self._inner.frozen

    def check(self, prompts: Sequence[str]) -> None:
        for prompt in prompts:
            reading = self.reading(prompt)  # foreign words may hold an "and" that joins nothing ("up and down")
            count = _count(reading)
            if count == 0:
                self._inner.check([prompt])
            if count not in self._counts:
                raise PromptError(
                    f"The prompt {quoted(prompt)} speaks of {count} object{'s' * (count != 1)}, those of the training "
                    f"of {' or '.join(map(str, self._counts))}. Join what you say of each by {AND!r}, as in "
                    "'red circle moving up and blue square moving left'."
                )
            try:
                self._inner.check(clauses(reading, at_most=self._objects))
            except PromptError as error:
                if count == 1:
                    raise
                raise PromptError(f"A part of the prompt {quoted(prompt)} cannot be read. {error}") from error

    def reading(self, prompt: str) -> str:
        return self._inner.reading(prompt)  # of the whole: where foreign words are cut, the inner one knows

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        if unknown_words == "refuse":
            self.check(prompts)
        cut = [self._cut(prompt) for prompt in prompts]
        features = torch.zeros(len(prompts), self._objects, self._inner.width)
        for thing in range(self._objects):
            rows = [row for row, parts in enumerate(cut) if len(parts) > thing]
            if rows:
                texts = [cut[row][thing] for row in rows]
                features[rows, thing] = self._inner.features(texts, unknown_words=unknown_words)
        return features.flatten(1)

    def _cut(self, prompt: str) -> list[str]:
        parts = clauses(self.reading(prompt), at_most=self._objects)
        if not parts:
            raise PromptError(
                f"The prompt {quoted(prompt)} speaks of nothing. Write for example 'circle moving up-right'."
            )
        return parts

    def encoder(self, width: int) -> nn.Module:
        return _EachClause(self._inner.encoder(width), objects=self._objects)

    def reader(self) -> nn.Module:
        return _EachClause(self._inner.reader(), objects=self._objects)


def _count(prompt: str) -> int:
    return len(clauses(prompt, at_most=len(prompt)))


class _EachClause(nn.Module):
    """Features (N, objects * F) of clauses to what `inner` makes of each, (N, objects * W)."""

    def __init__(self, inner: nn.Module, *, objects: int) -> None:
        super().__init__()
        self.inner, self.objects = inner, objects

    def forward(self, features: Tensor) -> Tensor:
        each = self.inner(features.view(len(features) * self.objects, -1))
        return torch.as_tensor(each.view(len(features), -1))
