"""The tutorial's text: words split at white space, the mean of their vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from data.prompts import PromptError
from data.world import WorldConfig


def published_words(world: WorldConfig) -> tuple[str, ...]:
    """The sorted words of the training prompts, split at white space: `up-right` is one word."""
    return tuple(sorted({word for prompt in world.seen_prompts for word in prompt.split()}))


def word_shares(world: WorldConfig, prompts: Sequence[str]) -> Tensor:
    """float32 (N, V): what share of each prompt's known words each word is. Times the table of vectors: their mean.

    The published code stops with a KeyError at a word that no training prompt holds, as `up` in `circle moving up`.
    Here such a word is left out of the mean, so that there is a video to measure; it cannot say what the word means.

    Raises:
        PromptError: a prompt is empty, or holds a word that is no part of the training prompts' words either.
    """
    world.vocabulary.encode(prompts)
    ids = {word: number for number, word in enumerate(published_words(world))}
    shares = torch.zeros(len(prompts), len(ids))
    for row, prompt in zip(shares, prompts, strict=True):
        known = [ids[word] for word in prompt.lower().split() if word in ids]
        if not known:
            raise PromptError(f"The prompt {prompt!r} holds no word of the training prompts: {', '.join(ids)}.")
        for number in known:
            row[number] += 1 / len(known)
    return shares
