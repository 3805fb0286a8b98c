"""The language of prompts: its words, its grammar and its meaning.

A sentence is `[colour] shape phrase`. Two of them can be joined by `and`, for example "red circle moving up and blue
square moving left". A digit, such as "seven", stands in the place of a shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from data.captions import PromptError, check_words, quoted, tokenize
from data.worlds.digits import DIGITS
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
    known = {word for phrase in _PHRASE_OF for word in phrase} | {*SHAPES, *DIGITS, *COLOURS, AND}
    check_words(prompt, words, known)
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


_PHRASE_OF = {tokenize(phrase): phrase for phrase in PHRASES}


def _parse_object(words: tuple[str, ...]) -> Meaning | None:
    colour = words[0] if words and words[0] in COLOURS else None
    rest = words[1:] if colour else words
    if not rest or rest[0] not in (*SHAPES, *DIGITS) or rest[1:] not in _PHRASE_OF:
        return None
    phrase = _PHRASE_OF[rest[1:]]
    return Meaning(motion=PHRASES[phrase], shape=rest[0], colour=colour, phrase=phrase)
