"""What every way of reading prompts offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from data.captions import UnknownWords
from models.text.frozen import FrozenWeights


class PromptFeatures(Protocol):
    """Prompts as vectors of fixed length, which hold nothing that is trained."""

    @property
    def frozen(self) -> FrozenWeights | None:
        """The frozen weights that the vectors depend on; a checkpoint names them. None if there are none."""

    def check(self, prompts: Sequence[str]) -> None:
        """Raise the errors that `features` would raise, with as little work as possible."""

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        """float32 (N, F) on the CPU. The row of a prompt is the same, bit for bit, beside all other prompts.

        Raises:
            PromptError: a prompt is empty. Also if it holds no word or an unknown one, and unknown words are refused; a
                frozen sentence encoder knows every word.
            FrozenWeightsError: frozen weights are needed and not installed.
        """


class TextFeatures(PromptFeatures, Protocol):
    """Prompt features with the trained networks that read them. Generator and discriminators each have their own."""

    @property
    def width(self) -> int:
        """F, the length of a prompt's vector."""

    @property
    def reading_width(self) -> int:
        """R, the width of `reader`'s output."""

    @property
    def ordered(self) -> bool:
        """Whether the order of a prompt's words matters to the discriminators. Word heads do not see it."""

    def encoder(self, width: int) -> nn.Module:
        """The generator's network, with random weights: features (N, F) to text embeddings (N, `width`)."""

    def reader(self) -> nn.Module:
        """A discriminator's network, with random weights: features (N, F) to (N, R)."""
