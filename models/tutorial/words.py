"""How the tutorial reads prompts: words split at white space, and the mean of their vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from data.captions import PromptError, UnknownWords, normalised, quoted
from data.subject import Subject
from data.worlds.world import WorldConfig


def world_of(subject: Subject) -> WorldConfig:
    """The world that the tutorial's network learns.

    Raises:
        ValueError: it is asked to learn other clips.
    """
    if not isinstance(subject, WorldConfig):
        raise ValueError('the network "tutorial" learns a synthetic world only: leave model.network at "flipbook"')
    return subject


def published_words(world: WorldConfig) -> tuple[str, ...]:
    """The sorted words of the training prompts, split at white space: `up-right` is one word."""
    return tuple(sorted({word for prompt in world.seen_prompts for word in prompt.split()}))


class WordShares:
    """Word shares as text features. See `models.text.protocols.PromptFeatures`."""

    frozen = None

    def __init__(self, world: WorldConfig) -> None:
        self._world = world

    def check(self, prompts: Sequence[str]) -> None:
        self.features(prompts)

    def features(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
        return word_shares(self._world, prompts, unknown_words=unknown_words)


def word_shares(world: WorldConfig, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> Tensor:
    """The share of each word among the known words of a prompt: float32 (N, V).

    The product with the table of word vectors is the mean of the prompt's vectors.

    The published code stops with a KeyError at a word that is in no training prompt, for example `up` in `circle moving
    up`. Here the mean leaves such a word out, so that there is a video to measure. The video cannot show what the word
    means.

    Raises:
        PromptError: a prompt is empty. If unknown words are refused, also if a prompt holds a word outside the
            vocabulary, or no published word at all.
    """
    world.vocabulary.encode(prompts, unknown_words=unknown_words)
    numbers = {word: number for number, word in enumerate(published_words(world))}
    shares = torch.zeros(len(prompts), len(numbers))
    for row, prompt in zip(shares, prompts, strict=True):
        known = [numbers[word] for word in normalised(prompt).split() if word in numbers]
        if not known and unknown_words == "refuse":
            raise PromptError(
                f"The prompt {quoted(prompt)} holds no word of the training prompts: {', '.join(numbers)}."
            )
        for number in known:
            row[number] += 1 / len(known)
    return shares
