"""Choosing a few of many prompts to show: evenly spread, and always the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise


def evenly_spread(prompts: Sequence[str], limit: int) -> tuple[str, ...]:
    """Return at most `limit` of the prompts: one from each of equally long stretches of the list.

    Lists of prompts repeat a pattern, so prompts at equal distances could all name the same shape. The prompt with the
    smallest sha256 of each stretch is taken instead.
    """
    count = min(limit, len(prompts))
    edges = [number * len(prompts) // count for number in range(count)] + [len(prompts)]
    stretches = (prompts[first:last] for first, last in pairwise(edges))
    return tuple(min(stretch, key=lambda prompt: hashlib.sha256(prompt.encode()).digest()) for stretch in stretches)


def spread_over_tiers(tiers: Mapping[str, Sequence[str]], limit: int) -> tuple[str, ...]:
    """Return at most `limit` prompts, an equal share per tier. What a small tier leaves goes to the others."""
    shares: dict[str, int] = {}
    left = limit
    for number, (name, prompts) in enumerate(sorted(tiers.items(), key=lambda item: len(item[1]))):
        shares[name] = min(len(prompts), left // (len(tiers) - number))
        left -= shares[name]
    return tuple(prompt for name, prompts in tiers.items() for prompt in evenly_spread(prompts, shares[name]))
