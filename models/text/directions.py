"""Which direction words point to. They are read word by word, because a sentence encoder hardly tells opposites apart.

An axis is the difference of the vectors of two antonyms: An et al., "SemAxis: A Lightweight Framework to Characterize
Domain-Specific Word Semantics Beyond Sentiment" (2018).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch

from data.captions import tokenize
from models.text.minilm import SentenceEncoder, View

OPPOSITES: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("down", "up"): (("down", "up"), ("downward", "upward"), ("bottom", "top"), ("lower", "upper"), ("south", "north")),
    ("left", "right"): (("left", "right"), ("west", "east")),
}
"""The opposites of the grammar, each with antonyms that point along the same axis."""

VIEW = View("towards the {}", 0)

SURE = 0.2
"""A word means a direction if it leans to it by this share of the difference between antonyms..."""

BESIDE = 0.25
"""... and by this share of how far another word leans on the other axis."""

BOTH_WAYS = 0.5
"""If words lean this far to both ends of an axis, the object goes back and forth, and no direction is meant."""

_DIRECTIONS = frozenset(word for opposites in OPPOSITES for word in opposites)
_POLES = {opposites: frozenset(sum(antonyms, ())) for opposites, antonyms in OPPOSITES.items()}
_WAY = "|".join(sorted(frozenset().union(*_POLES.values()), key=len, reverse=True))
_COMPOUND = re.compile(rf"\b({_WAY})(east|west)?(?:wards?|erly|ern|most|bound)?\b")
_ORIGIN = re.compile(r"\bfrom\b.*?(?=\b(?:to|towards?|into|onto)\b|$)")
_THERE_AND_BACK = re.compile(r"\b(?:back|again|forth|fro)\b")

Leanings = Mapping[tuple[str, str], tuple[float, float]]
"""For each pair of opposites, how far words lean to either end, as a share of the difference between antonyms."""


def directions_of(phrase: str) -> frozenset[str]:
    """The grammar's directions in `phrase`: up and right in "moving up-right"."""
    return frozenset(tokenize(phrase)) & _DIRECTIONS


def tells_way(word: str) -> bool:
    """Whether `word` (lower case) is one of the antonyms or is composed of them, like "northeastward"."""
    return _COMPOUND.search(word) is not None


def leanings(encoder: SentenceEncoder, text: str, *, among: Collection[str]) -> Leanings:
    """How far the words of `text` lean to each pair of opposites that are both in `among`.

    Where an object comes from is ignored, unless it goes back there. A word that is one of the antonyms says nothing
    about another axis.
    """
    words = tokenize(taken_apart(text if _THERE_AND_BACK.search(text) else _ORIGIN.sub("", text)))
    found = {}
    for opposites, antonyms in OPPOSITES.items():
        if not set(opposites) <= set(among):
            continue
        others = frozenset().union(*(poles for other, poles in _POLES.items() if other != opposites))
        heard = encoder.seen([word for word in words if word not in others], VIEW)
        ends = [encoder.seen(pair, VIEW) for pair in antonyms]
        leans = torch.cat([torch.zeros(1), *(heard @ (high - low) / (1 - low @ high) for low, high in ends)])
        found[opposites] = (-float(leans.min()), float(leans.max()))
    return found


def goes_to_and_fro(leanings: Leanings) -> bool:
    """Whether words lean far to both ends of an axis."""
    return any(low > BOTH_WAYS and high > BOTH_WAYS for low, high in leanings.values())


def chosen(leanings: Leanings) -> frozenset[str]:
    """From each pair of opposites the one that words lean to most, if they lean far enough, and at least one in all.

    `leanings` must not be empty.
    """
    most = {words[ends[1] > ends[0]]: max(ends) for words, ends in leanings.items()}
    top = max(most, key=most.__getitem__)
    return frozenset({top, *(word for word, lean in most.items() if lean > max(SURE, BESIDE * most[top]))})


def spelled(verb: str, directions: Collection[str]) -> str:
    """A phrase of the grammar: "moving up-right" from "moving" and its directions."""
    ordered = [word for opposites in OPPOSITES for word in opposites if word in directions]
    return f"{verb} {'-'.join(ordered)}"


def taken_apart(text: str) -> str:
    """`text` with its compound directions split: "northeastward" is "north east", "leftwards" is "left"."""
    return _COMPOUND.sub(lambda found: " ".join(part for part in found.groups() if part), text)
