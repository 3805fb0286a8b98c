"""Prompts of several objects: each object reads only its own clause."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data.captions import PromptError, UnknownWords, quoted
from data.worlds.prompts import AND, clauses
from models.text.frozen import FrozenWeights
from models.text.protocols import TextFeatures


class ByClause:
    """The features of each clause of a prompt, one after the other. See `TextFeatures`.

    A prompt is cut at "and", and `inner` reads each clause. The encoder's embeddings also stand one after the other,
    each made from its clause alone, so what "red" says about one object it says about no other.

    A prompt must have as many clauses as a training prompt. Objects without a clause get zeros. Clauses beyond the
    number of objects are read by the last object.
    """

    def __init__(self, inner: TextFeatures, *, objects: int, prompts: Sequence[str]) -> None:
        """Read each clause with `inner`, for up to `objects` objects; `prompts` are the training prompts."""
        self._inner, self._objects = inner, objects
        self._counts = sorted({_count(prompt) for prompt in prompts})
        self.width, self.reading_width = objects * inner.width, objects * inner.reading_width
        self.ordered = inner.ordered

    @property
    def frozen(self) -> FrozenWeights | None:
        return self._inner.frozen

    def check(self, prompts: Sequence[str]) -> None:
        for prompt in prompts:
            count = _count(prompt)
            if count == 0:
                self._inner.check([prompt])
            if count not in self._counts:
                raise PromptError(
                    f"The prompt {quoted(prompt)} names {count} object{'s' * (count != 1)}, but the training prompts "
                    f"name {' or '.join(map(str, self._counts))}. Join the objects by {AND!r}, for example "
                    "'red circle moving up and blue square moving left'."
                )
            try:
                self._inner.check(clauses(prompt, at_most=self._objects))
            except PromptError as error:
                if count == 1:
                    raise
                raise PromptError(f"A part of the prompt {quoted(prompt)} cannot be read. {error}") from error

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        if unknown_words == "refuse":
            self.check(prompts)
        cut = [self._cut(prompt) for prompt in prompts]
        features = torch.zeros(len(prompts), self._objects, self._inner.width)
        for number in range(self._objects):
            rows = [row for row, parts in enumerate(cut) if len(parts) > number]
            if rows:
                texts = [cut[row][number] for row in rows]
                features[rows, number] = self._inner.features(texts, unknown_words=unknown_words)
        return features.flatten(1)  # (N, objects F)

    def _cut(self, prompt: str) -> list[str]:
        parts = clauses(prompt, at_most=self._objects)
        if not parts:
            raise PromptError(
                f"The prompt {quoted(prompt)} names no object. Write for example 'circle moving up-right'."
            )
        return parts

    def encoder(self, width: int) -> nn.Module:
        return _EachClause(self._inner.encoder(width), objects=self._objects)

    def reader(self) -> nn.Module:
        return _EachClause(self._inner.reader(), objects=self._objects)


def _count(prompt: str) -> int:
    return len(clauses(prompt, at_most=len(prompt)))


class _EachClause(nn.Module):
    """Applies `inner` to the features of each clause: (N, objects * F) to (N, objects * W)."""

    def __init__(self, inner: nn.Module, *, objects: int) -> None:
        super().__init__()
        self.inner, self.objects = inner, objects

    def forward(self, features: Tensor) -> Tensor:
        each = self.inner(features.view(len(features) * self.objects, -1))
        return torch.as_tensor(each.view(len(features), -1))
