"""What the word heads of the discriminators learn to tell from the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import torch
from torch import Tensor

from data.captions import tokenize
from data.subject import Subject
from data.worlds.prompts import clauses
from data.worlds.world import WorldConfig
from models.text.tokens import word_counts


class Labels:
    """The labels of a plain prompt: its words, and with several objects also the pairs of words that share a clause.

    "red circle ... and blue square ..." and "blue circle ... and red square ..." have the same words. The pair "red"
    and "circle" tells them apart. Every pair that shares a clause in a training prompt is a label.
    """

    def __init__(self, subject: Subject, *, objects: int) -> None:
        self._vocabulary = subject.plain_words if isinstance(subject, WorldConfig) else subject.vocabulary
        self._objects = objects
        found = {pair for prompt in subject.seen_prompts for pair in self._pairs_of(prompt)}
        self._numbers = {pair: number for number, pair in enumerate(sorted(found), start=len(self._vocabulary.words))}
        self.weight = 1.0
        """Weight of each label. All labels of a prompt together weigh as much as the words of one object, 1 each."""
        if objects > 1:
            parts = (clause for prompt in subject.seen_prompts for clause in clauses(prompt, at_most=objects))
            words = fmean(len(tokenize(clause)) for clause in parts)
            self.weight = words / self.of(subject.seen_prompts).sum(1).mean().item()

    def __len__(self) -> int:
        return len(self._vocabulary.words) + len(self._numbers)

    def of(self, prompts: Sequence[str]) -> Tensor:
        """How often each label holds for each prompt: float32 (N, L). Words that are no labels do not count.

        Raises:
            PromptError: a prompt is empty.
        """
        pairs = torch.zeros(len(prompts), len(self._numbers))
        labels = torch.cat([word_counts(self._vocabulary, prompts, unknown_words="ignore"), pairs], dim=1)
        for row, prompt in zip(labels, prompts, strict=True):
            for pair in self._pairs_of(prompt):
                if pair in self._numbers:
                    row[self._numbers[pair]] += 1
        return labels

    def _pairs_of(self, prompt: str) -> list[tuple[str, ...]]:
        if self._objects == 1:
            return []
        parts = (sorted(set(tokenize(clause))) for clause in clauses(prompt, at_most=self._objects))
        return [pair for part in parts for pair in combinations(part, 2)]
