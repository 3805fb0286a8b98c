"""What the grammar of captions can say: its words, the number of its captions, and whether a text is one of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product

from data.captions import tokenize
from data.worlds.prompts import Meaning, Scene
from data.worlds.wording.colours import colour_names
from data.worlds.wording.nouns import ADJECTIVES
from data.worlds.wording.phrases import phrases_of
from data.worlds.wording.sentences import (
    BACKGROUNDS,
    COLOURED,
    JOINTS,
    TEMPLATES,
    manners_of,
    nouns_of,
    worded,
)

ARTICLES: tuple[str, ...] = ("a", "an", "the", "one")
_SLOTS = dict.fromkeys(("object", "doing", "does", "colour", "noun"), "")


def vocabulary(scenes: Iterable[Scene]) -> frozenset[str]:
    """Return all words that captions of `scenes` can hold, split as `data.worlds.prompts.tokenize` does."""
    texts = {*BACKGROUNDS, *ADJECTIVES, *ARTICLES}
    known = set(scenes)
    for scene in known:
        texts.update(TEMPLATES if len(scene) == 1 else JOINTS)
        for one in scene:
            texts.update((str(one), *nouns_of(one.shape)))
            texts.update((*COLOURED, *colour_names(one.colour)) if one.colour else ())
    for motion in {one.motion for scene in known for one in scene}:
        phrases = phrases_of(motion)
        texts.update(part for one in phrases for part in (one.participle, one.finite, one.rest))
        texts.update(part for manner in manners_of(motion) for part in manner)
    return frozenset(word for text in texts for word in tokenize(text.format_map(_SLOTS)))


def number_of_captions(meaning: Meaning) -> int:
    """Return how many captions with different words a scene of one object can get, without capitals and full stops."""
    things = len(things_of(meaning.shape, meaning.colour)) * (len(ADJECTIVES) + 1)
    backgrounds, total = len(BACKGROUNDS) + 1, 0
    for template in TEMPLATES:
        articles = 4 if template.startswith("{object}") else 3  # a or an; the; one; and none
        total += articles * things * len(motions(meaning.motion, finite="{does}" in template)) * backgrounds
    return total


def can_say(meaning: Meaning, text: str) -> bool:
    """Return whether `text` is a caption of `meaning`. Capitals and a full stop at the end do not count."""
    text = text.lower().removesuffix(".")
    starts = [text, *(text.removesuffix(f" {at}") for at in BACKGROUNDS if text.endswith(f" {at}"))]
    things = things_of(meaning.shape, meaning.colour)
    said = {finite: [one for one in motions(meaning.motion, finite=finite) if one in text] for finite in (False, True)}
    for template, start in product(TEMPLATES, starts):
        for motion in said["{does}" in template]:
            before, after = template.replace("{doing}", motion).replace("{does}", motion).split("{object}")
            thing = start.removeprefix(before).removesuffix(after)
            if start == f"{before}{thing}{after}" and _is_thing(thing, things):
                return True
    return text == str(meaning)


def _is_thing(text: str, things: frozenset[str]) -> bool:
    """Return whether `text` is one of `things` after an article and an adjective, which can both be missing."""
    article, _, rest = text.partition(" ")
    text = rest if article in ARTICLES else text
    adjective, _, rest = text.partition(" ")
    return text in things or (adjective in ADJECTIVES and rest in things)


@cache
def motions(motion: str, *, finite: bool) -> frozenset[str]:
    """Return all wordings of a motion, with adverbs: in the third person if `finite`, else as participles."""
    ways = (("", "", ""), *manners_of(motion))
    return frozenset(worded(phrase, way, finite=finite) for phrase, way in product(phrases_of(motion), ways))


@cache
def things_of(shape: str, colour: str | None) -> frozenset[str]:
    """Return all wordings of an object, without article and adjective."""
    if colour is None:
        return frozenset(nouns_of(shape))
    found = set()
    for noun, name in product(nouns_of(shape), colour_names(colour)):
        joined = name.replace(" ", "-")
        found |= {f"{name} {noun}", f"{joined} {noun}"}
        found |= {form.format(colour=joined, noun=noun) for form in COLOURED}
    return frozenset(found)
