"""What every way of reading prompts offers, and the choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from data.prompts import UnknownWords
from data.world import WorldConfig
from models.config import ModelConfig
from models.text.clauses import ByClause
from models.text.frozen import FrozenWeights
from models.text.sentence import SentenceFeatures
from models.text.tokens import WordCounts
from models.text.transformer import WordIds


class PromptFeatures(Protocol):
    """Prompts as vectors of one length. They are made once a prompt and hold nothing that is trained."""

    @property
    def frozen(self) -> FrozenWeights | None:
        """The weights from elsewhere that the vectors depend on; a checkpoint names them. None: there are none."""

    def check(self, prompts: Sequence[str]) -> None:
        """Raise the PromptError that `features` would raise, without its work."""

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


def build_text(config: ModelConfig, world: WorldConfig) -> TextFeatures:
    """The text features that `config` chooses, for the words of `world`. Loads nothing yet."""
    things, prompts = config.things, world.seen_prompts
    if config.text_encoder == "sentence":
        sentence = SentenceFeatures(world)
        if things == 1:
            return sentence
        return ByClause(sentence, things=things, prompts=prompts, read=sentence.in_known_words)
    words = WordIds(world, things=things) if config.text_encoder == "transformer" else WordCounts(world.vocabulary)
    return words if things == 1 else ByClause(words, things=things, prompts=prompts)
