"""What the networks read of the captions of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import torch
from torch import Tensor

from models.text.labels import Labels
from models.text.protocols import TextFeatures

MOST_KEPT = 2**26
"""Features and labels of all captions are kept if they have at most so many values, which take 256 MiB."""


@dataclass(frozen=True)
class Prompts:
    """The prompts of N clips."""

    features: Tensor
    """Text features (N, F), which the networks read."""
    labels: Tensor
    """Labels (N, L), which the word heads learn. L is 0 without word heads."""


class CaptionFeatures:
    """Features and labels of captions by their numbers. Those of many captions are computed when they are needed."""

    def __init__(
        self, captions: pa.Array[Any], text: TextFeatures, labels: Labels | None, *, device: torch.device
    ) -> None:
        """Prepare the different `captions` (P,) of a data set. Without `labels` there are none to learn.

        Words of the captions that the vocabulary does not hold are ignored.
        """
        self._captions, self._text, self._labels, self._device = captions, text, labels, device
        self.labels = 0 if labels is None else len(labels)
        """L, the number of labels."""
        self.label_weight = 1.0 if labels is None else labels.weight
        """Weight of each label, which `Prompts.labels` are multiplied with."""
        few = len(captions) * (text.width + self.labels) <= MOST_KEPT
        self._kept = self._computed(torch.arange(len(captions))) if few else None

    def of(self, numbers: Tensor) -> Prompts:
        """Features and labels of the captions with the given numbers, int64 (N,)."""
        if self._kept is None:
            return self._computed(numbers)
        rows = numbers.to(self._device)
        return Prompts(self._kept.features[rows], self._kept.labels[rows])

    def _computed(self, numbers: Tensor) -> Prompts:
        captions = cast(list[str], self._captions.take(pa.array(numbers.numpy())).to_pylist())
        features = self._text.features(captions, unknown_words="ignore")
        labels = torch.zeros(len(captions), 0) if self._labels is None else self._labels.of(captions)
        return Prompts(features.to(self._device), self.label_weight * labels.to(self._device))
