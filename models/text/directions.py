"""Which way words point: read word for word, since a sentence encoder holds opposites for nearly the same.

Axes lie between the vectors of antonyms, after An et al., "SemAxis: A Lightweight Framework to Characterize
Domain-Specific Word Semantics Beyond Sentiment" (2018).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch

from data.worlds.prompts import tokenize
from models.text.minilm import SentenceEncoder, View

OPPOSITES: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("down", "up"): (("down", "up"), ("downward", "upward"), ("bottom", "top"), ("lower", "upper"), ("south", "north")),
    ("left", "right"): (("left", "right"), ("west", "east")),
}
"""The opposites of the grammar, each with antonyms that point the same way."""

VIEW = View("towards the {}", 0)

SURE = 0.2
"""A word speaks for a direction from this share of the difference between antonyms on..."""

BESIDE = 0.25
"""... and from this share of what another word speaks for the other axis."""

BOTH_WAYS = 0.5
"""Where words speak this much for both ends of an axis, the thing goes to and fro: no direction is meant."""

_DIRECTIONS = frozenset(word for opposites in OPPOSITES for word in opposites)
_POLES = {opposites: frozenset(sum(antonyms, ())) for opposites, antonyms in OPPOSITES.items()}
_WAY = "|".join(sorted(frozenset().union(*_POLES.values()), key=len, reverse=True))
_COMPOUND = re.compile(rf"\b({_WAY})(east|west)?(?:wards?|erly|ern|most|bound)?\b")
_ORIGIN = re.compile(r"\bfrom\b.*?(?=\b(?:to|towards?|into|onto)\b|$)")
_THERE_AND_BACK = re.compile(r"\b(?:back|again|forth|fro)\b")

Leanings = Mapping[tuple[str, str], tuple[float, float]]
"""How far words lean to each of two opposites, as a share of the difference between antonyms."""


def directions_of(phrase: str) -> frozenset[str]:
    """The grammar's directions in `phrase`: up and right of "moving up-right"."""
    return frozenset(tokenize(phrase)) & _DIRECTIONS


def tells_way(word: str) -> bool:
    """Whether `word`, lower case, is one of the antonyms or made of them, as "northeastward" is."""
    return _COMPOUND.search(word) is not None


def leanings(encoder: SentenceEncoder, text: str, *, among: Collection[str]) -> Leanings:
    """How far some word of `text` leans to each of those opposites that are both among the words `among`.

    Where something comes from says nothing, unless it goes back there; and a word of the antonyms themselves says
    nothing of another axis.
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
    """Whether words speak for both ends of an axis."""
    return any(low > BOTH_WAYS and high > BOTH_WAYS for low, high in leanings.values())


def chosen(leanings: Leanings) -> frozenset[str]:
    """Of each pair of opposites, the one that words lean to most, if they lean far enough; of all, at least one.

    `leanings` are not empty.
    """
    most = {words[ends[1] > ends[0]]: max(ends) for words, ends in leanings.items()}
    top = max(most, key=most.__getitem__)
    return frozenset({top, *(word for word, lean in most.items() if lean > max(SURE, BESIDE * most[top]))})


def spelled(verb: str, directions: Collection[str]) -> str:
    """A phrase of the grammar: "moving up-right" of "moving" and its directions."""
    ordered = [word for opposites in OPPOSITES for word in opposites if word in directions]
    return f"{verb} {'-'.join(ordered)}"


def taken_apart(text: str) -> str:
    """`text` with its compound directions in parts: "northeastward" is "north east", "leftwards" is "left"."""
    return _COMPOUND.sub(lambda found: " ".join(part for part in found.groups() if part), text)
