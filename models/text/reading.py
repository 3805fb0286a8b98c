"""Reading what training never said: a prompt in foreign words becomes one in known words, by frozen similarity.

A hard attention over the words of the training prompts. Keys are the frozen encoder's vectors of what training says
("red", "star", "moving left") and of what its phrases mean, queries those of the prompt's own words. Names of colours
are looked up first. Nothing here is trained on paraphrases; the views and the one threshold were chosen on a list of
others than those of the evaluation. `docs/model.md` has the table of what was tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from data.prompts import tokenize
from data.shapes import COLOURS, SHAPES
from models.text.colour_names import ColourNames
from models.text.minilm import SentenceEncoder


@dataclass(frozen=True)
class View:
    """A way to look at a word: in the sentence `frame`, after `layer`. Low layers see the word, high ones its sense."""

    frame: str
    layer: int


COLOUR_VIEWS = (View("{} things are", 6), View("{} things are", 2), View("the colour {}", 6), View("the colour {}", 2))
SHAPE_VIEWS = (View("the outline of a {}", 6), View("a {} is a shape", 6))
PHRASE_VIEWS = (View("{}", 6), View("the object is {}", 6), View("an object {} in the picture", 6))
DIRECTION_VIEW = View("towards the {}", 0)
OPPOSITES: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("down", "up"): (("down", "up"), ("downward", "upward"), ("bottom", "top"), ("lower", "upper"), ("south", "north")),
    ("left", "right"): (("left", "right"), ("west", "east")),
}
"""Directions are told apart by their differences, since a sentence encoder holds opposites for nearly the same: axes
between pairs of antonyms, after An et al., 2018 (SemAxis)."""

SURE = 0.2
"""A word speaks for a direction from this share of the difference between the opposites on..."""

BESIDE = 0.25
"""... and from this share of what another word speaks for the other axis."""

BOTH_WAYS = 0.5
"""Where words speak this much for both ends of an axis, the thing goes to and fro: no direction is meant."""

MEANINGS: dict[str, tuple[str, ...]] = {
    "rotating clockwise": (
        "turning about the centre, the way the hands of a clock go",
        "going round in a circle clockwise",
    ),
    "rotating counter-clockwise": (
        "turning about the centre, against the way the hands of a clock go",
        "going round in a circle anticlockwise",
    ),
    "shrinking": ("getting smaller",),
    "expanding": ("getting larger",),
    "bouncing vertically": ("going up and down between the floor and the ceiling",),
    "bouncing horizontally": ("going from side to side between the left and the right wall",),
    "zigzagging vertically": ("going up or down with sharp turns",),
    "zigzagging horizontally": ("going sideways with sharp turns",),
}
"""What phrases mean, as `docs/world.md` says it: further keys (Menon & Vondrick, 2023, do so for classes of images)."""

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
        self._names = ColourNames(self.colours)
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
        """Colour and shape, in the grammar's order: a colour's name, else the first word, and the rest."""
        words = [word for word in words if word not in ("that", "which", "is")] or words
        colour = ""
        if self.colours and len(words) > 1:
            names = [(count, self._names.find(" ".join(words[:count]))) for count in range(len(words) - 1, 0, -1)]
            count, colour = next(
                ((count, found) for count, found in names if found),
                (1, self._best(self.colours, COLOUR_VIEWS, words[0])),
            )
            words = words[count:]
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
        """(phrases,): cosine with each phrase of the training, or with the nearest of what it means."""
        keys = [(key, phrase) for phrase in self.phrases for key in (phrase, *MEANINGS.get(phrase, ()))]
        texts = [key for key, _ in keys]
        views = [self._vectors(texts, view) @ self._vectors([text], view)[0] for view in PHRASE_VIEWS]
        best: dict[str, float] = {}
        for (_, phrase), score in zip(keys, torch.stack(views).mean(0).tolist(), strict=True):
            best[phrase] = max(score, best.get(phrase, score))
        return torch.tensor([best[phrase] for phrase in self.phrases])

    def _read_motion(self, words: list[str]) -> str:
        """The phrase most like it; where that names directions, the directions are read word for word."""
        similar = self._similarities(" ".join(words))
        leanings = self._leanings(words)
        if any(low > BOTH_WAYS and high > BOTH_WAYS for low, high in leanings.values()):
            straight = torch.tensor([bool(_directions(phrase)) for phrase in self.phrases])
            similar = similar.masked_fill(straight & ~straight.all(), -1.0)
        best = self.phrases[int(similar.argmax())]
        if not _directions(best):
            return best
        wanted = _sure(leanings)
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

    def _leanings(self, words: list[str]) -> dict[tuple[str, str], tuple[float, float]]:
        """How far some word leans to each of two opposites, as a share of the difference between antonyms.

        A word of the antonyms themselves says nothing of another axis.
        """
        singles = tokenize(_taken_apart(" ".join(words)))
        leanings = {}
        for opposites, antonyms in OPPOSITES.items():
            if set(opposites) <= self._words:
                of_others = {
                    word for other, pairs in OPPOSITES.items() if other != opposites for word in sum(pairs, ())
                }
                texts = [word for word in singles if word not in of_others]
                if not texts:
                    leanings[opposites] = (0.0, 0.0)
                    continue
                vectors = self._vectors(texts, DIRECTION_VIEW)
                ends = [self._vectors(pair, DIRECTION_VIEW) for pair in antonyms]
                leans = torch.stack([vectors @ (high - low) / (1 - low @ high) for low, high in ends])
                leanings[opposites] = (-float(leans.min()), float(leans.max()))
        return leanings

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


def _taken_apart(text: str) -> str:
    """`text` with its compound directions in parts: "northeastward" is "north east", "leftwards" is "left"."""
    ways = "|".join(word for pairs in OPPOSITES.values() for pair in pairs for word in pair)
    return re.sub(rf"\b({ways})({ways})?(?:wards?|erly|ern|most|bound)?\b", r"\1 \2", text)


def _sure(leanings: dict[tuple[str, str], tuple[float, float]]) -> frozenset[str]:
    """Of each pair of opposites, the one that words lean to most, if they lean far enough; of all, at least one."""
    most = {words[ends[1] > ends[0]]: max(ends) for words, ends in leanings.items()}
    top = max(most, key=most.__getitem__)
    return frozenset({top, *(word for word, lean in most.items() if lean > max(SURE, BESIDE * most[top]))})
