"""The language of prompts: its tokens, its meaning and its vocabulary.

A sentence is `[colour] shape phrase`, or two of them joined by `and`, as in "red circle moving up and blue square
moving left".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
"""The 18 phrases that the tutorial trains on; `moving up-right` and `moving up` are not among them."""

_PHRASES: dict[tuple[str, ...], str] = {
    **{("moving", *name.split("-")): name for name in DIRECTIONS},
    **{("moving", "diagonally", *name.split("-")): name for name in DIRECTIONS if "-" in name},
    ("rotating", "clockwise"): "clockwise",
    ("rotating", "counter", "clockwise"): "counter-clockwise",
    ("shrinking",): "shrinking",
    ("expanding",): "expanding",
    ("bouncing", "vertically"): "bounce-vertical",
    ("bouncing", "horizontally"): "bounce-horizontal",
    ("zigzagging", "vertically"): "zigzag-vertical",
    ("zigzagging", "horizontally"): "zigzag-horizontal",
}


SLUG_LENGTH = 120
"""Letters of a slug at most; more than the longest sentence of two objects has."""
UnknownWords = Literal["refuse", "ignore"]
"""What becomes of a word outside a vocabulary: an error, or nothing."""


class PromptError(ValueError):
    """A prompt that cannot be read; the message says which word, and what could be written instead."""


@dataclass(frozen=True)
class Meaning:
    """What a prompt asks for of one object. `colour` is None where the prompt names none."""

    motion: str
    shape: str
    colour: str | None


Scene = tuple[Meaning, ...]
"""All that a prompt asks for: its objects, one or two, in the order in which it names them."""
AND = "and"
"""Joins the clauses of a prompt, each of which speaks of one object."""


def tokenize(prompt: str) -> tuple[str, ...]:
    """Lower-case words of `prompt`, split at white space and at hyphens: `up-right` is `up`, `right`."""
    return tuple(word for word in re.split(r"[\s\-]+", prompt.lower()) if word)


def holds_letters(text: str) -> bool:
    """Whether there is anything to read in `text`."""
    return re.search(r"[^\W\d_]", text) is not None


def clauses(prompt: str, *, at_most: int) -> list[str]:
    """The parts of `prompt` between its "and"s, the last of `at_most` with all that follows; none is empty."""
    parts: list[list[str]] = [[]]
    for word in tokenize(prompt):
        if word != AND or (parts[-1] and len(parts) == at_most):
            parts[-1].append(word)
        elif parts[-1]:
            parts.append([])
    return [" ".join(part) for part in parts if part]


def parse_prompt(prompt: str) -> Scene:
    """The objects of `[colour] shape phrase [and [colour] shape phrase]`.

    Two objects have different colours, or nobody could tell where one ends that lies over the other.

    Raises:
        PromptError: the prompt is empty, holds a word that the grammar does not know, or is no sentence of it.
    """
    words = tokenize(prompt)
    known = {word for phrase in _PHRASES for word in phrase} | {*SHAPES, *COLOURS, AND}
    _check_words(prompt, words, known)
    number = words.index(AND) if AND in words else len(words)
    scene = [_parse_object(part) for part in (words[:number], words[number + 1 :]) if part or number < len(words)]
    objects = tuple(meaning for meaning in scene if meaning is not None)
    if len(objects) == len(scene):
        if len(scene) == 2 and (None in (colours := [one.colour for one in objects]) or len(set(colours)) == 1):
            raise PromptError(
                f"The prompt {prompt!r} must name the colour of each of its two objects, and they must differ, as in "
                "'red circle moving up and blue square moving left'."
            )
        return objects
    phrases = ", ".join(f"'{' '.join(phrase)}'" for phrase in _PHRASES)
    raise PromptError(
        f"The prompt {prompt!r} is not of the form '[colour] shape phrase', as in 'circle moving up-right', or two of "
        "them joined by 'and'. "
        f"Colours: {', '.join(COLOURS)}. Shapes: {', '.join(SHAPES)}. Phrases: {phrases}."
    )


def _parse_object(words: tuple[str, ...]) -> Meaning | None:
    colour = words[0] if words and words[0] in COLOURS else None
    rest = words[1:] if colour else words
    if rest and rest[0] in SHAPES and rest[1:] in _PHRASES:
        return Meaning(motion=_PHRASES[rest[1:]], shape=rest[0], colour=colour)
    return None


def prompt_slug(prompt: str) -> str:
    """A name for files about `prompt`: its words joined by hyphens, nothing but letters, digits and hyphens.

    Raises:
        PromptError: nothing is left of the prompt.
    """
    slug = "-".join(re.sub(r"[^a-z0-9]", "", word) for word in tokenize(prompt))
    slug = re.sub(r"-+", "-", slug).strip("-")[:SLUG_LENGTH]
    if not slug:
        raise PromptError(
            f"No file can be named after the prompt {prompt!r}: it holds neither a letter from a to z nor a digit. "
            "Write for example 'circle moving up-right'."
        )
    return slug


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows. Word k has the id k + 1; the id 0 is padding."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, prompts: Iterable[str]) -> Vocabulary:
        """The sorted words of `prompts`."""
        return cls(tuple(sorted({word for prompt in prompts for word in tokenize(prompt)})))

    def encode(self, prompts: Sequence[str], *, unknown_words: UnknownWords = "refuse") -> NDArray[np.int64]:
        """Ids of the words of each prompt, int64 (N, L), padded with 0 to the longest prompt.

        Raises:
            PromptError: a prompt is empty, or holds a word outside the vocabulary that is not to be ignored.
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


def _check_words(prompt: str, words: Sequence[str], known: set[str]) -> None:
    if not words:
        raise PromptError("The prompt is empty. Write for example 'circle moving up-right'.")
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
            raise PromptError(
                f"The prompt {prompt!r} holds the unknown word {word!r}.{hint} Known words: {', '.join(sorted(known))}."
            )
