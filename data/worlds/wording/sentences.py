"""How colours, nouns and motions become sentences. A sentence follows from uniform random numbers and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from data.captions import tokenize
from data.worlds.prompts import Meaning, Scene
from data.worlds.wording.colours import colour_names
from data.worlds.wording.nouns import ADJECTIVES, NOUNS
from data.worlds.wording.phrases import ADVERBS, CLOSINGS, Phrase, family_of, phrases_of

T = TypeVar("T")

TEMPLATES: tuple[str, ...] = (
    "{object} {doing}",
    "{object} {does}",
    "{object} is {doing}",
    "{object} that {does}",
    "{object} which {does}",
    "{object} that is {doing}",
    "{object}, {doing}",
    "{doing}, {object}",
    "{object} keeps {doing}",
    "{object} can be seen {doing}",
    "there is {object} {doing}",
    "there is {object} that {does}",
    "here {object} is {doing}",
    "this is {object} {doing}",
    "we see {object} {doing}",
    "a clip of {object} {doing}",
    "a video of {object} {doing}",
    "a short animation of {object} {doing}",
    "an animation in which {object} {does}",
    "the clip shows {object} {doing}",
    "in this video {object} {does}",
    "you can see {object} {doing}",
    "it is {object} {doing}",
    "all you see is {object} {doing}",
    "what you see is {object} {doing}",
    "nothing but {object} {doing}",
    "{object} is shown {doing}",
    "{object} was filmed {doing}",
)
"""Sentences about one object, the plain one first. `doing` is a participle and `does` is a verb in the third person."""

JOINTS: tuple[str, ...] = (
    "{doing} and {doing}",
    "{doing}, and {doing}",
    "{doing} plus {doing}",
    "{doing} together with {doing}",
    "{does} and {does}",
    "{does} while {does}",
    "{does}, while {does}",
    "{does} as {does}",
    "there is {doing} and {doing}",
    "we see {doing} and {doing}",
    "a clip of {doing} and {doing}",
)
"""Sentences about two objects. Each slot holds an object with its motion, in the order of the scene."""

JOINING_WORDS: tuple[str, ...] = ("and", "plus", "together", "with", "while", "as")
"""What stands between two objects. No object or motion of such a sentence holds one of these words."""

COLOURED: tuple[str, ...] = (
    "{colour}-coloured {noun}",
    "{colour}-colored {noun}",
    "{noun} in {colour}",
    "{noun} coloured {colour}",
    "{noun} painted {colour}",
    "{noun} of {colour} colour",
    "{noun} whose colour is {colour}",
)
"""Ways to name a colour other than "{colour} {noun}"."""

BACKGROUNDS: tuple[str, ...] = (
    "on a white background",
    "against a white background",
    "in front of a white background",
    "on a blank background",
    "on plain white",
    "on white",
)
"""All worlds draw on white."""

PLAIN = 0.2
"""Share of captions with the plain word for a shape or a colour, in the plain template, and so on."""

_OF_SENTENCE, _OF_OBJECT = 4, 8
NUMBERS = _OF_SENTENCE + 2 * _OF_OBJECT
"""How many uniform numbers a sentence needs at most."""


def sentence(scene: Scene, numbers: Sequence[float]) -> str:
    """Return the caption of `scene` that follows from `NUMBERS` uniform numbers, each in [0, 1).

    It is true of every clip of the scene, and no other scene has it. It names two objects in the order of the scene.
    """
    template, background, capital, stop = numbers[:_OF_SENTENCE]
    first, second = numbers[_OF_SENTENCE:][:_OF_OBJECT], numbers[_OF_SENTENCE:][_OF_OBJECT:]
    if len(scene) == 1:
        text = _about_one(scene[0], template, first)
    else:
        joint = _pick(JOINTS, template)
        finite = "{does}" in joint
        clauses = [_clause(one, some, finite=finite) for one, some in zip(scene, (first, second), strict=True)]
        text = joint.replace("{doing}", "{}").replace("{does}", "{}").format(*clauses)
    if (at := _maybe(BACKGROUNDS, background, share=0.15)) is not None:
        text = f"{text} {at}"
    if capital < 0.5:
        text = text[0].upper() + text[1:]
    return f"{text}." if stop < 0.5 else text


def _about_one(meaning: Meaning, number: float, numbers: Sequence[float]) -> str:
    template = _often_first(TEMPLATES, number)
    thing = _object(meaning, numbers, bare=template.startswith("{object}"))
    return template.format(object=thing, doing=_motion(meaning, numbers), does=_motion(meaning, numbers, finite=True))


def _clause(meaning: Meaning, numbers: Sequence[float], *, finite: bool) -> str:
    return f"{_object(meaning, numbers, joined=True)} {_motion(meaning, numbers, finite=finite, joined=True)}"


def _object(meaning: Meaning, numbers: Sequence[float], *, bare: bool = False, joined: bool = False) -> str:
    """Return the object with its article, or sometimes without one if `bare`."""
    article, adjective, colour, noun, form, other = numbers[2:]
    words = _often_first(nouns_of(meaning.shape, joined=joined), noun)
    if meaning.colour is not None:
        words = _coloured(words, _often_first(colour_names(meaning.colour), colour), form=form, other=other)
    if (extra := _maybe(ADJECTIVES, adjective, share=0.15)) is not None:
        words = f"{extra} {words}"
    if article < 0.2 and bare:
        return words
    if article < 0.3:
        return f"the {words}"
    if article < 0.4:
        return f"one {words}"
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _coloured(noun: str, colour: str, *, form: float, other: float) -> str:
    joined = colour.replace(" ", "-")
    if form < 0.7:
        return f"{colour if form < 0.55 else joined} {noun}"
    return _pick(COLOURED, other).format(colour=joined, noun=noun)


def _motion(meaning: Meaning, numbers: Sequence[float], *, finite: bool = False, joined: bool = False) -> str:
    phrase, manner = numbers[:2]
    chosen = _pick(_joinable(meaning.motion) if joined else phrases_of(meaning.motion), phrase)
    how = _maybe(manners_of(meaning.motion), manner, share=0.4)
    return worded(chosen, how or ("", "", ""), finite=finite)


def worded(phrase: Phrase, manner: tuple[str, str, str], *, finite: bool) -> str:
    """Return a phrase with what stands before its verb, after it, and at the end."""
    before, after, end = manner
    verb = phrase.finite if finite else phrase.participle
    return " ".join(part for part in (before, verb, after, phrase.rest, end) if part)


@cache
def manners_of(motion: str) -> tuple[tuple[str, str, str], ...]:
    """Return what can stand before the verb of a phrase of `motion`, after it, and at the end."""
    family = family_of(motion)
    places = [((word, "", ""), ("", word, ""), ("", "", word)) for word in ADVERBS[family]]
    return (*(one for some in places for one in some), *(("", "", closing) for closing in CLOSINGS[family]))


@cache
def nouns_of(shape: str, *, joined: bool = False) -> tuple[str, ...]:
    """Return the nouns of a shape; only those without joining words if it is `joined` to another object."""
    return tuple(noun for noun in NOUNS[shape] if not (joined and set(tokenize(noun)) & set(JOINING_WORDS)))


@cache
def _joinable(motion: str) -> tuple[Phrase, ...]:
    return tuple(one for one in phrases_of(motion) if not set(tokenize(one.rest)) & set(JOINING_WORDS))


def _pick(options: Sequence[T], number: float) -> T:
    return options[int(number * len(options))]


def _often_first(options: Sequence[T], number: float) -> T:
    """Return the first option if `number` is below `PLAIN`, else one of the others."""
    if number < PLAIN or len(options) == 1:
        return options[0]
    return options[1 + min(int((number - PLAIN) / (1 - PLAIN) * (len(options) - 1)), len(options) - 2)]


def _maybe(options: Sequence[T], number: float, *, share: float) -> T | None:
    """Return one of the options if `number` is below `share`."""
    return _pick(options, min(number / share, 1 - 2**-53)) if number < share else None
