"""Captions as words: how they are split, what a vocabulary knows, and the error for a prompt that cannot be read."""

from __future__ import annotations

import difflib
import hashlib
import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from reprlib import Repr
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SLUG_LENGTH = 120
"""The most characters of a slug without its digest. The longest prompt of two objects has fewer."""

MOST_LISTED = 100
"""An error lists the known words if there are at most this many."""

UnknownWords = Literal["refuse", "ignore"]
"""What happens to a word outside a vocabulary: it is an error, or it is left out, even if nothing remains."""

EMPTY = "The prompt is empty. Write for example 'circle moving up-right'."

_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_INVISIBLE = re.compile(r"[\ufeff\u00ad\u200b\u2060]")  # byte order mark, soft hyphen, zero-width space, word joiner
_APOSTROPHES = re.compile(r"[\u2018\u2019\uff07]")

_shorten = Repr()
_shorten.maxstring = 100


class PromptError(ValueError):
    """A prompt cannot be read. The message says which word is wrong, and what could be written instead."""


def quoted(prompt: str) -> str:
    """Return the prompt in quotation marks for a message. The middle of a long prompt is left out."""
    return _shorten.repr(prompt)


def for_shell(prompt: str) -> str:
    """Return the prompt on one line, quoted for a shell."""
    line = " ".join(prompt.split())
    return shlex.quote(line) if re.search(r'[\\"$`!]', line) else f'"{line}"'


def normalised(prompt: str) -> str:
    """Return the prompt in lower case, without the punctuation of any script, with plain hyphens and single spaces.

    Prompts are pasted from documents and web pages, so typographic dashes, full stops and byte order marks are common.
    An apostrophe within a word stays.
    """
    plain = _APOSTROPHES.sub("'", _DASHES.sub("-", _INVISIBLE.sub("", prompt.lower())))
    words = (word.strip("'") for word in _punctuation().sub(" ", plain).split())
    return " ".join(word for word in words if word)


@cache
def _punctuation() -> re.Pattern[str]:
    """The punctuation of all scripts, without apostrophes and hyphens. Made at the first prompt: it takes 15 ms."""
    marks = (
        chr(code)
        for code in (*range(0x3100), *range(0xFE10, 0xFF66))  # no script of today has its punctuation elsewhere
        if unicodedata.category(chr(code)).startswith("P") and chr(code) not in "'-"
    )
    return re.compile(f"[{re.escape(''.join(marks))}]")


def tokenize(prompt: str) -> tuple[str, ...]:
    """Return the words of `prompt` in lower case, split at spaces and hyphens: `up-right` is `up`, `right`."""
    return tuple(normalised(prompt).replace("-", " ").split())


def prompt_slug(prompt: str) -> str:
    """Return a name for files about `prompt`: its words, joined by hyphens, with only a to z, 0 to 9 and hyphens.

    A prompt in other letters, of punctuation alone, or with more than 120 characters is not told apart by these. Its
    name ends in the first 8 digits of its sha256.
    """
    words = tokenize(prompt)
    kept = "-".join(word for word in (re.sub(r"[^a-z0-9]", "", _without_accents(word)) for word in words) if word)
    slug = kept[:SLUG_LENGTH].strip("-")
    if slug and slug == "-".join(words):
        return slug
    digest = hashlib.sha256((" ".join(words) or prompt).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def _without_accents(word: str) -> str:
    return unicodedata.normalize("NFKD", word)


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
            PromptError: a prompt is empty. Also if it holds no word or an unknown one, and `unknown_words` is "refuse".
        """
        ids = {word: number for number, word in enumerate(self.words, start=1)}
        rows = []
        for prompt in prompts:
            words = tokenize(prompt)
            check_not_empty(prompt)
            if unknown_words == "refuse":
                check_words(prompt, words, set(ids))
            rows.append([ids[word] for word in words if word in ids])
        tokens = np.zeros((len(rows), max((len(row) for row in rows), default=0)), dtype=np.int64)
        for row, numbers in zip(tokens, rows, strict=True):
            row[: len(numbers)] = numbers
        return tokens


def check_not_empty(prompt: str) -> None:
    """Raise `PromptError` if `prompt` holds no visible character."""
    if not any(sign.isprintable() and not sign.isspace() for sign in prompt):
        raise PromptError(EMPTY)


def one_line(text: str, letters: int) -> str:
    """Return `text` on one line, shortened to so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= letters else f"{line[: letters - 1]}…"


def check_words(prompt: str, words: Sequence[str], known: set[str]) -> None:
    """Make sure that `prompt` has words, and that all of its `words` are `known`.

    Raises:
        PromptError: it has none, or one of them is not.
    """
    if not words:
        raise PromptError(EMPTY)
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
            listed = (
                f"Known words: {', '.join(sorted(known))}."
                if len(known) <= MOST_LISTED
                else (f"{len(known)} other words are known.")
            )
            raise PromptError(f"The prompt {quoted(prompt)} holds the unknown word {quoted(word)}.{hint} {listed}")
