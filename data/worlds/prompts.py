"""The language of prompts: its words, its grammar and its meaning.

A sentence is `[colour] shape phrase`. Two of them can be joined by `and`, for example "red circle moving up and blue
square moving left".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from reprlib import Repr
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import DIRECTIONS
from data.worlds.shapes import COLOURS, SHAPES

TUTORIAL_PHRASES: tuple[str, ...] = (
    "moving down",
    "moving left",
    "moving right",
    "moving diagonally up-right",
    "moving diagonally down-left",
    "moving diagonally up-left",
    "moving diagonally down-right",
    "moving up-left",
    "moving down-right",
    "moving down-left",
    "rotating clockwise",
    "rotating counter-clockwise",
    "shrinking",
    "expanding",
    "bouncing vertically",
    "bouncing horizontally",
    "zigzagging vertically",
    "zigzagging horizontally",
)
"""The 18 phrases that the tutorial trains on. `moving up-right` and `moving up` are not among them."""

PHRASES: dict[str, str] = {
    **{f"moving {name}": name for name in DIRECTIONS},
    **{f"moving diagonally {name}": name for name in DIRECTIONS if "-" in name},
    "rotating clockwise": "clockwise",
    "rotating counter-clockwise": "counter-clockwise",
    "shrinking": "shrinking",
    "expanding": "expanding",
    "bouncing vertically": "bounce-vertical",
    "bouncing horizontally": "bounce-horizontal",
    "zigzagging vertically": "zigzag-vertical",
    "zigzagging horizontally": "zigzag-horizontal",
}
"""Every phrase of the grammar, and the motion that it means."""

AND = "and"
"""The word that joins the two sentences of a prompt."""
CONJUNCTION = f" {AND} "

SLUG_LENGTH = 120
"""The most characters of a slug. The longest prompt of two objects has fewer."""

UnknownWords = Literal["refuse", "ignore"]
"""What happens to a word outside a vocabulary: it is an error, or it is left out."""

_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_INVISIBLE = re.compile(r"[\ufeff\u00ad\u200b\u2060]")  # byte order mark, soft hyphen, zero-width space, word joiner
_PUNCTUATION = re.compile(r'[.,;:!?"\u201c\u201d\u2026]')

_shorten = Repr()
_shorten.maxstring = 100


class PromptError(ValueError):
    """A prompt cannot be read. The message says which word is wrong, and what could be written instead."""


@dataclass(frozen=True)
class Meaning:
    """What a prompt asks for of one object. `colour` is None if the prompt names none.

    Two phrases can mean the same motion, so meanings with different phrases are equal.
    """

    motion: str
    shape: str
    colour: str | None
    phrase: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return the sentence: `[colour] shape phrase`."""
        return " ".join(part for part in (self.colour, self.shape, self.phrase) if part)


Scene = tuple[Meaning, ...]
"""All that a prompt asks for: its objects, one or two, in the order in which the prompt names them."""


def quoted(prompt: str) -> str:
    """Return the prompt in quotation marks for a message. The middle of a long prompt is left out."""
    return _shorten.repr(prompt)


def normalised(prompt: str) -> str:
    """Return the prompt in lower case, without punctuation, with plain hyphens and single spaces.

    Prompts are pasted from documents and web pages, so typographic dashes, full stops and byte order marks are common.
    """
    plain = _DASHES.sub("-", _INVISIBLE.sub("", prompt.lower()))
    return " ".join(_PUNCTUATION.sub(" ", plain).split())


def tokenize(prompt: str) -> tuple[str, ...]:
    """Return the words of `prompt` in lower case, split at spaces and hyphens: `up-right` is `up`, `right`."""
    return tuple(normalised(prompt).replace("-", " ").split())


def holds_letters(text: str) -> bool:
    """Return whether `text` holds at least one letter."""
    return re.search(r"[^\W\d_]", text) is not None


def clauses(prompt: str, *, at_most: int) -> list[str]:
    """Split `prompt` at its "and"s, into `at_most` parts. The last part keeps all that follows. No part is empty."""
    parts: list[list[str]] = [[]]
    for word in tokenize(prompt):
        if word != AND or (parts[-1] and len(parts) == at_most):
            parts[-1].append(word)
        elif parts[-1]:
            parts.append([])
    return [" ".join(part) for part in parts if part]


def parse_prompt(prompt: str) -> Scene:
    """Return the objects of `[colour] shape phrase [and [colour] shape phrase]`. This is the only parser of prompts.

    Two objects must have different colours. Otherwise the pixels would not show which object is which where they
    overlap.

    Raises:
        PromptError: the prompt is empty, holds a word that the grammar does not know, or does not follow the grammar.
    """
    words = tokenize(prompt)
    known = {word for phrase in _PHRASE_OF for word in phrase} | {*SHAPES, *COLOURS, AND}
    _check_words(prompt, words, known)
    cut = words.index(AND) if AND in words else len(words)
    parts = [words[:cut], words[cut + 1 :]] if cut < len(words) else [words]
    scene = tuple(meaning for part in parts if (meaning := _parse_object(part)) is not None)
    if len(scene) < len(parts):
        raise PromptError(
            f"The prompt {quoted(prompt)} does not have the form '[colour] shape phrase', for example 'circle moving "
            "up-right', or two of these joined by 'and'. "
            f"Colours: {', '.join(COLOURS)}. Shapes: {', '.join(SHAPES)}. Phrases: {', '.join(map(repr, PHRASES))}."
        )
    colours = {meaning.colour for meaning in scene}
    if len(scene) == 2 and (len(colours) == 1 or None in colours):
        raise PromptError(
            f"The prompt {quoted(prompt)} must name the colours of both objects, and they must differ, for example "
            "'red circle moving up and blue square moving left'."
        )
    return scene


def swapped_prompts(prompt: str) -> tuple[str, ...]:
    """Return the sentences that swap colours, shapes or phrases of the two objects, and thereby mean something else.

    They consist of the same words, so a model that only counts words cannot tell them apart. A prompt of one object has
    none.
    """
    scene = parse_prompt(prompt)
    if len(scene) == 1:
        return ()
    found: dict[frozenset[Meaning], str] = {}
    for swapped in range(3):
        first, second = ([str(one.colour), one.shape, one.phrase] for one in scene)
        first[swapped], second[swapped] = second[swapped], first[swapped]
        sentence = CONJUNCTION.join((" ".join(first), " ".join(second)))
        found.setdefault(frozenset(parse_prompt(sentence)), sentence)
    return tuple(sentence for meaning, sentence in found.items() if meaning != frozenset(scene))


def prompt_slug(prompt: str) -> str:
    """Return a name for files about `prompt`: its words, joined by hyphens, with only a to z, 0 to 9 and hyphens.

    Raises:
        PromptError: the prompt holds none of these characters.
    """
    slug = "-".join(re.sub(r"[^a-z0-9]", "", word) for word in tokenize(prompt))
    slug = re.sub(r"-+", "-", slug).strip("-")[:SLUG_LENGTH]
    if not slug:
        raise PromptError(
            f"No file can be named after the prompt {quoted(prompt)}, because it holds neither a letter from a to z "
            "nor a digit. Write for example 'circle moving up-right'."
        )
    return slug


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows. The id of word k is k + 1. The id 0 is padding."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, prompts: Iterable[str]) -> Vocabulary:
        """Return the sorted words of `prompts`."""
        return cls(tuple(sorted({word for prompt in prompts for word in tokenize(prompt)})))

    def encode(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> NDArray[np.int64]:
        """Return the ids of the words of each prompt: int64 (N, L), padded with 0 to the longest prompt.

        Raises:
            PromptError: a prompt is empty, or it holds an unknown word and `unknown_words` is "refuse".
        """
        ids = {word: number for number, word in enumerate(self.words, start=1)}
        rows = []
        for prompt in prompts:
            words = tokenize(prompt)
            _check_words(prompt, words, set(words) if unknown_words == "ignore" else set(ids))
            rows.append([ids[word] for word in words if word in ids])
        tokens = np.zeros((len(rows), max((len(row) for row in rows), default=0)), dtype=np.int64)
        for row, numbers in zip(tokens, rows, strict=True):
            row[: len(numbers)] = numbers
        return tokens


_PHRASE_OF = {tokenize(phrase): phrase for phrase in PHRASES}


def _parse_object(words: tuple[str, ...]) -> Meaning | None:
    colour = words[0] if words and words[0] in COLOURS else None
    rest = words[1:] if colour else words
    if not rest or rest[0] not in SHAPES or rest[1:] not in _PHRASE_OF:
        return None
    phrase = _PHRASE_OF[rest[1:]]
    return Meaning(motion=PHRASES[phrase], shape=rest[0], colour=colour, phrase=phrase)


def _check_words(prompt: str, words: Sequence[str], known: set[str]) -> None:
    if not words:
        raise PromptError("The prompt is empty. Write for example 'circle moving up-right'.")
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
            raise PromptError(
                f"The prompt {quoted(prompt)} holds the unknown word {quoted(word)}.{hint} "
                f"Known words: {', '.join(sorted(known))}."
            )
