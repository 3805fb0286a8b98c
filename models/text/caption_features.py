"""What the networks read of the captions of a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import torch
from torch import Tensor

from models.text.labels import Labels
from models.text.protocols import TextFeatures

MOST_KEPT = 2**26
"""Features and labels of all captions are kept if they have at most so many values, which take 256 MiB."""
BLOCK = 512
"""Number of captions that are read at a time. It bounds the memory."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of N clips."""

    features: Tensor
    """Text features (N, F), which the networks read."""
    labels: Tensor
    """Labels (N, L), which the word heads learn. L is 0 without word heads."""


class CaptionFeatures:
    """Features and labels of captions by their numbers. Those of many captions are computed when they are needed.

    Words of the captions that the vocabulary does not hold are ignored.
    """

    def __init__(
        self,
        captions: pa.Array[Any],
        text: TextFeatures,
        labels: Labels | None,
        *,
        device: torch.device,
        report: Callable[[int, int], None],
    ) -> None:
        """Read the captions of a data set. A frozen encoder needs minutes for many of them.

        Args:
            captions: the different captions (P,).
            text: how they are read.
            labels: what the word heads learn. Without it there are no labels.
            device: where features and labels will be.
            report: called with the number of captions that are read, and with P, after each block.
        """
        self._captions, self._text, self._labels, self._device = captions, text, labels, device
        self.labels = 0 if labels is None else len(labels)
        """L, the number of labels."""
        self.label_weight = 1.0 if labels is None else labels.weight
        """Weight of each label, which `Prompts.labels` are multiplied with."""
        few = len(captions) * (text.width + self.labels) <= MOST_KEPT
        everything = torch.arange(len(captions))
        self._features = self._computed_features(everything, report) if few else None
        self._kept_labels = self._computed_labels(everything) if few else None

    def of(self, captions: Tensor, prompts: Tensor) -> Prompts:
        """What the networks learn from N clips.

        Args:
            captions: numbers of the captions that are read, int64 (N,).
            prompts: numbers of the clips' prompts, whose words are the labels, int64 (N,).
        """
        return Prompts(self.features(captions), self.label_weight * self.labels_of(prompts))

    def features(self, captions: Tensor) -> Tensor:
        """Text features (N, F) of the captions with these numbers, int64 (N,)."""
        kept = self._features
        return self._computed_features(captions) if kept is None else kept[captions.to(self._device)]

    def labels_of(self, prompts: Tensor) -> Tensor:
        """How often each label holds for the prompts with these numbers, int64 (N,): (N, L)."""
        kept = self._kept_labels
        return self._computed_labels(prompts) if kept is None else kept[prompts.to(self._device)]

    def _computed_features(self, numbers: Tensor, report: Callable[[int, int], None] | None = None) -> Tensor:
        found = torch.empty(len(numbers), self._text.width)
        for start in range(0, len(numbers), BLOCK):
            part = self._texts(numbers[start : start + BLOCK])
            found[start : start + len(part)] = self._text.features(part, unknown_words="ignore")
            if report is not None:
                report(start + len(part), len(numbers))
        return found.to(self._device)

    def _computed_labels(self, numbers: Tensor) -> Tensor:
        labels = self._labels
        found = torch.zeros(len(numbers), 0) if labels is None else labels.of(self._texts(numbers))
        return found.to(self._device)

    def _texts(self, numbers: Tensor) -> list[str]:
        return cast(list[str], self._captions.take(pa.array(numbers.numpy())).to_pylist())
