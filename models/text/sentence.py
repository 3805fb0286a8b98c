"""Text features with the frozen sentence encoder: unknown words are read as known ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from torch import Tensor, nn

from data.captions import PromptError, UnknownWords, holds_letters, quoted, tokenize
from data.subject import Subject
from models.text.frozen import FrozenWeights, installed_sentence_encoder
from models.text.tokens import BagOfWords, word_counts

if TYPE_CHECKING:
    from models.text.reading import PromptReader


class SentenceFeatures:
    """Word counts of prompts in known words, or of the known words that other prompts are read as. See `TextFeatures`.

    No word is unknown, so only prompts without words are refused. The trained part is the same as for word counts.
    """

    ordered = False

    def __init__(self, subject: Subject) -> None:
        self._subject, self._vocabulary = subject, subject.vocabulary
        self._known = set(self._vocabulary.words)
        self.width = self.reading_width = len(self._vocabulary.words)

    @property
    def frozen(self) -> FrozenWeights:
        return installed_sentence_encoder()

    @cached_property
    def _reader(self) -> PromptReader:
        # Imported here because these modules need optional packages, and known words do not need them.
        from models.text.minilm import sentence_encoder
        from models.text.reading import PromptReader

        return PromptReader(sentence_encoder(), self._subject.seen_prompts)

    def check(self, prompts: Sequence[str]) -> None:
        self._vocabulary.encode(prompts, unknown_words="ignore")
        for prompt in prompts:
            if not holds_letters(prompt):
                raise PromptError(
                    f"The prompt {quoted(prompt)} holds no word. Write for example 'circle moving up-right'."
                )

    def reading(self, prompt: str) -> str:
        self.check([prompt])
        if set(tokenize(prompt)) <= self._known:
            return prompt
        return self._reader.in_known_words(prompt)

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        return word_counts(self._vocabulary, [self.reading(prompt) for prompt in prompts])

    def encoder(self, width: int) -> nn.Module:
        return BagOfWords(self.width, width=width)

    def reader(self) -> nn.Module:
        return nn.Identity()
