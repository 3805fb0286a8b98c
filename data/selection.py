"""A few of many prompts, for whoever shows them: evenly spread, and always the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise


def evenly_spread(prompts: Sequence[str], limit: int) -> tuple[str, ...]:
    """At most `limit` of the prompts, one of each of equally long stretches; all of them where they fit.

    Which one of a stretch follows from its letters: equal distances would fall into step with lists that repeat a
    pattern, and show one shape only.
    """
    count = min(limit, len(prompts))
    edges = [number * len(prompts) // count for number in range(count)] + [len(prompts)]
    stretches = (prompts[first:last] for first, last in pairwise(edges))
    return tuple(min(stretch, key=lambda prompt: hashlib.sha256(prompt.encode()).digest()) for stretch in stretches)


def spread_over_tiers(tiers: Mapping[str, Sequence[str]], limit: int) -> tuple[str, ...]:
    """At most `limit` prompts in the tiers' order: an equal share of each; what a small one leaves, others take."""
    shares: dict[str, int] = {}
    left = limit
    for number, (name, prompts) in enumerate(sorted(tiers.items(), key=lambda item: len(item[1]))):
        shares[name] = min(len(prompts), left // (len(tiers) - number))
        left -= shares[name]
    return tuple(prompt for name, prompts in tiers.items() for prompt in evenly_spread(prompts, shares[name]))
