"""Reading prompts in unknown words: each one becomes a prompt in known words, by the similarity of frozen vectors.

This is a hard attention over the words of the training prompts. The keys are the vectors of what the training says
("red", "star", "moving left") and of what its phrases mean. The queries are the vectors of the prompt's words. Names of
colours are looked up first, and the definitions of verbs in a dictionary. Nothing here is trained on paraphrases. Views
and thresholds were not chosen on the sentences of the evaluation, but on others. `docs/experiments.md` shows what was
tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from data.captions import holds_letters, tokenize
from data.worlds.prompts import CONJUNCTION, parse_prompt
from models.text.colour_names import ColourNames
from models.text.directions import chosen, directions_of, goes_to_and_fro, leanings, spelled, tells_way
from models.text.minilm import SentenceEncoder, View
from models.text.verbs import definition, may_be_finite

COLOUR_VIEWS = (View("{} things are", 6), View("{} things are", 2), View("the colour {}", 6), View("the colour {}", 2))
SHAPE_VIEWS = (View("the outline of a {}", 6), View("a {} is a shape", 6))
PHRASE_VIEWS = (View("{}", 6), View("the object is {}", 6), View("an object {} in the picture", 6))
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
"""What phrases mean, as further keys. Menon & Vondrick, "Visual Classification via Description from Large Language
Models" (2023), do the same for classes of images."""

DEFINED = 0.5
"""Weight of the definition of a verb, where the verb itself weighs 1."""

_ARTICLES = ("a", "an", "the", "one")
_RELATIVE = ("that", "which", "is")
_PREPOSITIONS = frozenset(
    {"about", "across", "along", "around", "at", "back", "between", "from", "in", "into", "out", "over", "through"}
    | {"to", "toward", "towards"}
)
_NOUNS = frozenset(
    {"ring", "king", "string", "wing", "spring", "ceiling", "building", "painting", "drawing"}
    | {"thing", "nothing", "something", "anything", "everything"}
)
"""Nouns in "-ing". Other words in "-ing" are participles, with which phrases begin."""

_NEXT_OBJECT = re.compile(r"\band\s+(?=(?:an?|the|one)\b)", re.IGNORECASE)


class PromptReader:
    """Puts prompts into the words of the training prompts. It remembers all prompts that it has read."""

    def __init__(self, encoder: SentenceEncoder, prompts: Sequence[str]) -> None:
        """Prepare the words of the training prompts, which have the form `[colour] shape phrase`."""
        self._encoder = encoder
        scenes = [parse_prompt(prompt) for prompt in prompts]
        objects = [meaning for scene in scenes for meaning in scene]
        self._objects = len(scenes[0])
        self.colours = tuple(dict.fromkeys(one.colour for one in objects if one.colour))
        self.shapes = tuple(dict.fromkeys(one.shape for one in objects))
        self.phrases = tuple(dict.fromkeys(one.phrase for one in objects))
        self._keys = [(key, phrase) for phrase in self.phrases for key in (phrase, *MEANINGS.get(phrase, ()))]
        self._names = ColourNames(self.colours)
        self._words = {word for phrase in self.phrases for word in tokenize(phrase)}
        self._readings: dict[str, str] = {}

    def in_known_words(self, prompt: str) -> str:
        """`prompt`, which holds a letter, as `[colour] shape phrase`, or as those parts of it that the prompt names.

        In worlds of two objects the prompt is cut at an "and" before an article, or else at the "and" nearest to the
        middle. A prompt without "and" names one object.
        """
        if prompt not in self._readings:
            self._readings[prompt] = CONJUNCTION.join(self._sentence(part) for part in _objects(prompt, self._objects))
        return self._readings[prompt]

    def _sentence(self, prompt: str) -> str:
        prompt = prompt.lower()
        first, _, rest = prompt.partition(",")
        if holds_letters(rest) and _is_participle(next(iter(first.split()), "")):
            prompt = f"{rest} {first}"  # "turning left, a red ball": the object comes first in the grammar
        words = re.sub(r"[^\w\s'-]", " ", prompt).split()
        words = [word for word in words if word not in _RELATIVE] or words
        while len(words) > 1 and words[0] in _ARTICLES:
            words = words[1:]
        named, motion = self._object_and_motion(words)
        return " ".join(part for part in (*self._read_object(named), self._read_motion(motion)) if part)

    def _object_and_motion(self, words: list[str]) -> tuple[list[str], list[str]]:
        """The words that describe the object, and the words that describe its motion. Either list may be empty.

        A phrase begins at the first verb after an object, as in the grammar. A participle before its object ("a slowly
        spinning red ball") is a phrase of one word. Without a verb, a direction can be the phrase ("to the left").
        """
        verbs = [place for place, word in enumerate(words) if _is_participle(word) or may_be_finite(word)]
        for place in verbs:
            before = _without_manner(words[:place])
            if before and not self._names.find(" ".join(before)) and not self._stands_before_object(words, place):
                return before, words[place:]
        if verbs:
            before, verb, after = words[: verbs[0]], words[verbs[0]], words[verbs[0] + 1 :]
            ways = (place for place, word in enumerate(after) if word in _PREPOSITIONS or self._tells_way(word))
            way = next(ways, len(after))
            return _without_manner([*before, *after[:way]]), [verb, *after[way:]]
        told = next((place for place, word in enumerate(words) if self._tells_way(word)), None)
        if told is None:
            return words, []
        return [word for word in words[:told] if word not in (*_ARTICLES, *_PREPOSITIONS)], words[told:]

    def _stands_before_object(self, words: list[str], place: int) -> bool:
        """Whether the word at `place` is a participle directly before a known colour or shape."""
        return _is_participle(words[place]) and not {*self.colours, *self.shapes}.isdisjoint(
            words[place + 1 : place + 2]
        )

    def _tells_way(self, word: str) -> bool:
        """Whether `word` is a direction, or a word of a training phrase."""
        return tells_way(word) or any(part in self._words for part in tokenize(word))

    def _read_object(self, words: list[str]) -> tuple[str, str]:
        """Colour and shape, each "" if the words do not name it. Words that are no colour name the shape."""
        if not words:
            return "", ""
        if words[0] in self.colours and len(words) == 1:
            return words[0], ""
        colour = ""
        if self.colours and len(words) > 1:
            colour, words = self._read_colour(words)
        return colour, self._best(self.shapes, SHAPE_VIEWS, " ".join(words))

    def _read_colour(self, words: list[str]) -> tuple[str, list[str]]:
        """The colour that `words` (at least two) name, or "", and the other words.

        In this order: the longest colour name at the start; a known colour anywhere; a colour name anywhere; the colour
        most similar to the first word, unless that word is a known shape.
        """
        if found := self._colour_from(words, 0):
            return found
        for place, word in enumerate(words):
            if known := _named(self.colours, word):
                return known, words[:place] + words[place + 1 :]
        for place in range(1, len(words) - 1):
            if found := self._colour_from(words, place):
                return found
        if words[0] in self.shapes:
            return "", words
        return self._best(self.colours, COLOUR_VIEWS, words[0]), words[1:]

    def _colour_from(self, words: list[str], first: int) -> tuple[str, list[str]] | None:
        """The colour of the longest name at `first`, and the other words. The last word belongs to the object."""
        for end in range(len(words) - 1, first, -1):
            if colour := self._names.find(" ".join(words[first:end])):
                return colour, words[:first] + words[end:]
        return None

    def _best(self, options: tuple[str, ...], views: tuple[View, ...], text: str) -> str:
        """The option that stands in `text`, or else the most similar option.

        Views are averaged. Their unit is how far an option differs from the other options.
        """
        named = _named(options, text)
        if named:
            return named
        total = torch.zeros(len(options))
        for view in views:
            keys = self._encoder.seen(options, view)
            own = keys @ keys.T
            scale = (own.diagonal() - own.mean(1)).mean().clamp(min=1e-3)
            similar = keys @ self._encoder.seen([text], view)[0]
            total += (similar - similar.mean()) / scale
        return options[int(total.argmax())]

    def _similarities(self, text: str) -> Tensor:
        """Similarity of `text` to each training phrase (phrases,), and of its verb's definition in the verb's place."""
        similar = self._cosines(text)
        verb, _, rest = text.partition(" ")
        meaning = definition(verb)
        return similar if meaning is None else similar + DEFINED * self._cosines(f"{meaning} {rest}".strip())

    def _cosines(self, text: str) -> Tensor:
        """Cosine of `text` with each training phrase, or with its most similar meaning: (phrases,)."""
        best: dict[str, float] = {}
        scores = self._seen_alike([key for key, _ in self._keys], text)
        for (_, phrase), score in zip(self._keys, scores.tolist(), strict=True):
            best[phrase] = max(score, best.get(phrase, score))
        return torch.tensor([best[phrase] for phrase in self.phrases])

    def _seen_alike(self, keys: Sequence[str], text: str) -> Tensor:
        """Cosine of `text` with each key, averaged over the views of phrases: (keys,)."""
        views = [self._encoder.seen(keys, view) @ self._encoder.seen([text], view)[0] for view in PHRASE_VIEWS]
        return torch.stack(views).mean(0)

    def _read_motion(self, words: list[str]) -> str:
        """The most similar phrase. If it names directions, these are read word by word. No words give ""."""
        if not words:
            return ""
        text = " ".join(words)
        similar = self._similarities(text)
        heard = leanings(self._encoder, text, among=self._words)
        if goes_to_and_fro(heard):
            straight = torch.tensor([bool(directions_of(phrase)) for phrase in self.phrases])
            similar = similar.masked_fill(straight & ~straight.all(), -torch.inf)
        best = self.phrases[int(similar.argmax())]
        if not heard or not directions_of(best):
            return best
        wanted = chosen(heard)
        verb = tokenize(best)[0]
        fitting = [
            (float(score), phrase)
            for phrase, score in zip(self.phrases, similar, strict=True)
            if tokenize(phrase)[0] == verb and directions_of(phrase) == wanted
        ]
        return max(fitting)[1] if fitting else spelled(verb, wanted)


def _is_participle(word: str) -> bool:
    return word.endswith("ing") and word not in _NOUNS


def _without_manner(words: list[str]) -> list[str]:
    """`words` without participles and adverbs in "-ly", which say how an object moves."""
    return [word for word in words if not _is_participle(word) and not word.endswith("ly")]


def _named(options: tuple[str, ...], text: str) -> str | None:
    """The last word of `text` that is one of `options`."""
    return next((word for word in reversed(tokenize(text)) if word in options), None)


def _objects(prompt: str, count: int) -> list[str]:
    """The parts of `prompt` that describe one object each, at most `count`, which is 1 or 2."""
    if count == 1:
        return [prompt]
    cuts = list(_NEXT_OBJECT.finditer(prompt)) or list(re.finditer(r"\band\b", prompt, re.IGNORECASE))
    cuts = [cut for cut in cuts if holds_letters(prompt[: cut.start()]) and holds_letters(prompt[cut.end() :])]
    if not cuts:
        return [prompt]
    cut = min(cuts, key=lambda cut: abs(cut.start() + cut.end() - len(prompt)))
    return [prompt[: cut.start()], prompt[cut.end() :]]
