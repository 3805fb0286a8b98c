"""Reading what training never said: a prompt in foreign words becomes one in known words, by frozen similarity.

A hard attention over the words of the training prompts. Keys are the frozen encoder's vectors of what training says
("red", "star", "moving left"), queries those of the prompt's own words. Nothing here is trained on paraphrases; the
views and the one threshold were chosen on a list of others than those of the evaluation. `docs/model.md` has the table
of what was tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from data.prompts import tokenize
from data.shapes import COLOURS, SHAPES
from models.text.minilm import SentenceEncoder


@dataclass(frozen=True)
class View:
    """A way to look at a word: in the sentence `frame`, after `layer`. Low layers see the word, high ones its sense."""

    frame: str
    layer: int


COLOUR_VIEWS = (View("{} things are", 6), View("{} things are", 2), View("the colour {}", 6), View("the colour {}", 2))
SHAPE_VIEWS = (
    View("the outline of a {}", 6),
    View("the outline of a {}", 2),
    View("the shape of a {}", 6),
    View("{}", 2),
)
PHRASE_VIEWS = (View("{}", 6), View("the object is {}", 6), View("an object {} in the picture", 6))
DIRECTION_VIEWS = (View("a circle moving {}", 0), View("towards the {}", 0))
OPPOSITES = (("down", "up"), ("left", "right"))
"""Directions are told apart by their differences: a sentence encoder holds opposites for nearly the same."""

SURE = 0.15
"""A word speaks for a direction from this share of the difference between the opposites on."""

_ARTICLES = ("a", "an", "the", "one")


class PromptReader:
    """Puts prompts into the words of the training prompts."""

    def __init__(self, encoder: SentenceEncoder, prompts: Iterable[str]) -> None:
        """`prompts` are those of the training, in the grammar `[colour] shape phrase`."""
        self._encoder = encoder
        split = [_parts(prompt) for prompt in prompts]
        self.colours = tuple(dict.fromkeys(colour for colour, _, _ in split if colour))
        self.shapes = tuple(dict.fromkeys(shape for _, shape, _ in split))
        self.phrases = tuple(dict.fromkeys(phrase for _, _, phrase in split))
        self._words = {word for phrase in self.phrases for word in tokenize(phrase)}

    def in_known_words(self, prompt: str) -> str:
        """The training's words for `prompt`, which holds a letter: `[colour] shape phrase`."""
        words = re.sub(r"[^\w\s'-]", " ", prompt.lower()).split()
        while len(words) > 1 and words[0] in _ARTICLES:
            words = words[1:]
        thing, motion = self._thing_and_motion(words)
        return " ".join(part for part in (*self._read_thing(thing), self._read_motion(motion)) if part)

    def _thing_and_motion(self, words: list[str]) -> tuple[list[str], list[str]]:
        """Every phrase of the grammar begins with a participle; without one, the best place to cut."""
        for place, word in enumerate(words):
            if place and word.endswith("ing"):
                return words[:place], words[place:]
        if len(words) == 1:
            return words, words
        places = range(1, len(words))
        best = max(places, key=lambda place: float(self._similarities(" ".join(words[place:])).max()))
        return words[:best], words[best:]

    def _read_thing(self, words: list[str]) -> tuple[str, str]:
        """Colour and shape, in the grammar's order: the first word, and the rest."""
        words = [word for word in words if word not in ("that", "which", "is")] or words
        colour = ""
        if self.colours and len(words) > 1:
            colour, words = self._best(self.colours, COLOUR_VIEWS, words[0]), words[1:]
        return colour, self._best(self.shapes, SHAPE_VIEWS, " ".join(words))

    def _best(self, options: tuple[str, ...], views: tuple[View, ...], text: str) -> str:
        """The option that stands in `text`; else the one most like it.

        Views are averaged in units of what an option has to itself.
        """
        named = [word for word in tokenize(text) if word in options]
        if named:
            return named[-1]
        total = torch.zeros(len(options))
        for view in views:
            keys = self._vectors(options, view)
            own = keys @ keys.T
            scale = (own.diagonal() - own.mean(1)).mean().clamp(min=1e-3)
            similar = keys @ self._vectors([text], view)[0]
            total += (similar - similar.mean()) / scale
        return options[int(total.argmax())]

    def _similarities(self, text: str) -> Tensor:
        """(phrases,): cosine with each phrase of the training."""
        parts = [self._vectors(self.phrases, view) @ self._vectors([text], view)[0] for view in PHRASE_VIEWS]
        return torch.stack(parts).mean(0)

    def _read_motion(self, words: list[str]) -> str:
        """The phrase most like it; where that names directions, the directions are read word for word."""
        similar = self._similarities(" ".join(words))
        best = self.phrases[int(similar.argmax())]
        if not _directions(best):
            return best
        wanted = self._read_directions(words)
        verb = tokenize(best)[0]
        fitting = [
            (float(score), phrase)
            for phrase, score in zip(self.phrases, similar, strict=True)
            if tokenize(phrase)[0] == verb and _directions(phrase) == wanted
        ]
        if fitting:
            return max(fitting)[1]
        ordered = [word for pair in OPPOSITES for word in pair if word in wanted]
        return f"{verb} {'-'.join(ordered)}"

    def _read_directions(self, words: list[str]) -> frozenset[str]:
        """Of each pair of opposites, the one that some word leans to most, if it leans far enough."""
        singles = list(tokenize(" ".join(words)))
        leanings: dict[str, float] = {}
        for low, high in OPPOSITES:
            if not {low, high} <= self._words:
                continue
            total = 0.0
            for view in DIRECTION_VIEWS:
                ends = self._vectors([low, high], view)
                lean = self._vectors(singles, view) @ (ends[1] - ends[0]) / (1 - ends[0] @ ends[1])
                total += float(lean[lean.abs().argmax()])
            leanings[high if total > 0 else low] = abs(total) / len(DIRECTION_VIEWS)
        sure = {word for word, lean in leanings.items() if lean > SURE}
        return frozenset(sure or {max(leanings, key=leanings.__getitem__)})

    def _vectors(self, texts: Sequence[str], view: View) -> Tensor:
        return self._encoder.vectors([view.frame.format(text) for text in texts], layer=view.layer)


def _parts(prompt: str) -> tuple[str, str, str]:
    """Colour (or ""), shape and phrase of a sentence of the grammar."""
    words = prompt.lower().split()
    colour = words.pop(0) if words[0] in COLOURS else ""
    if not words or words[0] not in SHAPES:
        raise ValueError(f"The training prompt {prompt!r} is not of the form '[colour] shape phrase'.")
    return colour, words[0], " ".join(words[1:])


def _directions(phrase: str) -> frozenset[str]:
    return frozenset(tokenize(phrase)) & {word for pair in OPPOSITES for word in pair}
