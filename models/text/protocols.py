"""What every way of reading prompts offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from data.worlds.prompts import UnknownWords
from models.text.frozen import FrozenWeights


class PromptFeatures(Protocol):
    """Prompts as vectors of one length. They are made once a prompt and hold nothing that is trained."""

    @property
    def frozen(self) -> FrozenWeights | None:
        """The weights from elsewhere that the vectors depend on; a checkpoint names them. None: there are none."""

    def check(self, prompts: Sequence[str]) -> None:
        """Raise the errors that `features` would raise, with as little of its work as that takes."""

    def reading(self, prompt: str) -> str:
        """What `features` takes a prompt to say that `check` lets pass: itself, or known words for its foreign ones.

        Raises:
            PromptError: foreign words are read, and it holds none.
            FrozenWeightsError: as in `features`.
        """

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        """float32 (N, F) on the CPU. A prompt's row is the same, bit for bit, whichever prompts stand beside it.

        Raises:
            PromptError: a prompt is empty, or holds a word that is not known and not to be ignored.
            FrozenWeightsError: weights from elsewhere are needed and not installed.
        """


class TextFeatures(PromptFeatures, Protocol):
    """The same with the trained networks that take them: the generator and each discriminator have one of their own."""

    @property
    def width(self) -> int:
        """F, the length of a prompt's vector."""

    @property
    def reading_width(self) -> int:
        """R, the length of what `reader` gives."""

    @property
    def ordered(self) -> bool:
        """Whether the order of a prompt's words means anything."""

    def encoder(self, width: int) -> nn.Module:
        """The generator's trained part, with random weights: features (N, F) to text embeddings (N, `width`)."""

    def reader(self) -> nn.Module:
        """A discriminator's trained part before its own layers: features (N, F) to (N, R)."""
