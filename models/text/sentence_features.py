"""Text features that are frozen states of a sentence encoder, with trained networks that read them.

A text is the mean state of its word pieces after layers 0, 3 and 6 of all-MiniLM, side by side. Low layers hold the
words, high ones their sense. A linear map finds more in these layers together than in the last one alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from data.captions import PromptError, UnknownWords, tokenize
from models.text.frozen import FrozenWeights, installed_sentence_encoder
from models.text.soft_words import SoftWords

LAYERS: tuple[int, ...] = (0, 3, 6)
"""The layers of the encoder whose mean states are read."""

STATE_WIDTH = 384
"""Width of each layer of all-MiniLM."""


class SentenceStates:
    """Frozen states of the sentence encoder as text features. See `TextFeatures`.

    Any text in any language is read, up to 128 word pieces. Only an empty one is refused. Each layer's part of a vector
    has the length sqrt(384), so that its numbers have a mean square of 1.
    """

    ordered = False  # the generator alone reads free words: word heads learn the plain prompt's words
    width = len(LAYERS) * STATE_WIDTH
    reading_width = 64

    def __init__(self, *, plain_words: int = 0, cached: int = 16_384) -> None:
        """Load no weights yet.

        Args:
            plain_words: number of words of the plain prompts, as which the generator reads a text. 0: there are no
                plain prompts, and the generator gets a linear projection of the features.
            cached: how many texts' features are remembered, 4.6 kB each.
        """
        self._plain_words, self._cached = plain_words, cached
        self._known: dict[str, Tensor] = {}

    @property
    def frozen(self) -> FrozenWeights:
        return installed_sentence_encoder()

    def check(self, prompts: Sequence[str]) -> None:
        for prompt in prompts:
            if not as_read(prompt):
                raise PromptError("The prompt is empty. Write for example 'circle moving up-right'.")

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        """float32 (N, 1152) on the CPU. No word is unknown, so `unknown_words` changes nothing.

        Raises:
            PromptError: a prompt is empty.
            FrozenWeightsError: the package with the weights is not installed.
        """
        self.check(prompts)
        if not prompts:
            return torch.zeros(0, self.width)
        texts = [as_read(prompt) for prompt in prompts]
        found = {text: self._known[text] for text in texts if text in self._known}
        fresh = [text for text in dict.fromkeys(texts) if text not in found]
        if fresh:
            from models.text.minilm import sentence_encoder  # Imported here because it needs optional packages.

            means = sentence_encoder().means(fresh, last=max(LAYERS))[:, list(LAYERS)]  # (N, 3, 384)
            found.update(zip(fresh, (means * STATE_WIDTH**0.5).flatten(1).unbind(), strict=True))
            self._known.update({text: found[text].clone() for text in fresh})
            for text in list(islice(self._known, max(len(self._known) - self._cached, 0))):
                del self._known[text]  # the oldest ones
        return torch.stack([found[text] for text in texts])

    def encoder(self, width: int) -> nn.Module:
        if self._plain_words:
            return SoftWords(self.width, self._plain_words, width=width)
        return _projection(self.width, width)

    def reader(self) -> nn.Module:
        return _projection(self.width, self.reading_width)


def as_read(prompt: str) -> str:
    """Return what the encoder reads of a prompt: its words in lower case, without punctuation, hyphens and dashes.

    So "Sky-blue ball." and "sky blue ball" are the same text. A prompt of punctuation alone is read as it stands. The
    result is empty if the prompt holds no visible character.
    """
    plain = " ".join(tokenize(prompt))
    if plain:
        return plain
    return prompt.strip() if any(sign.isprintable() and not sign.isspace() for sign in prompt) else ""


def _projection(width: int, out: int) -> nn.Linear:
    """A linear layer whose outputs have about unit variance at the start."""
    layer = nn.Linear(width, out)
    nn.init.normal_(layer.weight, std=width**-0.5)
    nn.init.zeros_(layer.bias)
    return layer
