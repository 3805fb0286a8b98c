"""The tutorial's text: words split at white space, the mean of their vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from data.worlds.prompts import PromptError, UnknownWords, normalised, quoted
from data.worlds.world import WorldConfig


def published_words(world: WorldConfig) -> tuple[str, ...]:
    """The sorted words of the training prompts, split at white space: `up-right` is one word."""
    return tuple(sorted({word for prompt in world.seen_prompts for word in prompt.split()}))


class WordShares:
    """Word shares as text features. See `models.text.features.PromptFeatures`."""

    frozen = None

    def __init__(self, world: WorldConfig) -> None:
        self._world = world

    def check(self, prompts: Sequence[str]) -> None:
        self.features(prompts)

    def reading(self, prompt: str) -> str:
        return prompt

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        return word_shares(self._world, prompts, unknown_words=unknown_words)


def word_shares(world: WorldConfig, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
    """float32 (N, V): what share of each prompt's known words each word is. Times the table of vectors: their mean.

    The published code stops with a KeyError at a word that no training prompt holds, as `up` in `circle moving up`.
    Here such a word is left out of the mean, so that there is a video to measure; it cannot say what the word means.

    Raises:
        PromptError: a prompt is empty; or unknown words are to be refused, and it holds one that is no part of the
            training prompts' words either, or none that is known.
    """
    world.vocabulary.encode(prompts, unknown_words=unknown_words)
    ids = {word: number for number, word in enumerate(published_words(world))}
    shares = torch.zeros(len(prompts), len(ids))
    for row, prompt in zip(shares, prompts, strict=True):
        known = [ids[word] for word in normalised(prompt).split() if word in ids]
        if not known and unknown_words == "refuse":
            raise PromptError(f"The prompt {quoted(prompt)} holds no word of the training prompts: {', '.join(ids)}.")
        for number in known:
            row[number] += 1 / len(known)
    return shares
