"""Captions: which text is one, how it is cleaned, and when two captions are the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from data.captions import tokenize
from data.importing.item import UnusableError

CAPTION_COLUMNS = ("caption", "text", "prompt")
"""Names of the column with the captions, the preferred one first."""


def cleaned(text: str) -> str:
    """Return a caption on one line, without control characters. A text that shows nothing becomes the empty text.

    The words, the case and the punctuation of any language stay as they are.
    """
    plain = "".join(" " if unicodedata.category(one) in ("Cc", "Cs") else one for one in text)
    line = " ".join(plain.split())
    return line if any(unicodedata.category(one)[0] not in "CZ" for one in line) else ""


def captions_of(values: Iterable[Any], *, longest: int) -> tuple[str, ...]:
    """Return the different captions among values that are texts, numbers, lists of these, or nothing.

    Args:
        values: of one video, in any depth of lists.
        longest: characters that a caption may have.

    Raises:
        UnusableError: no caption remains, one is too long, or a value is something else.
    """
    found: dict[str, None] = {}
    for value in _flat(values):
        if not isinstance(value, (str, int, float)):
            raise UnusableError("no caption", f"has a {type(value).__name__} as its caption. Write a text.")
        if value == value and (text := cleaned(str(value))):  # an empty cell of a table can be NaN
            found[text] = None
    if not found:
        raise UnusableError("no caption", "has no caption. Write one into the metadata or into a text file beside it.")
    if too_long := [len(text) for text in found if len(text) > longest]:
        raise UnusableError(
            "no caption",
            f"has a caption of {max(too_long)} characters, more than {longest}. Shorten it, or raise longest_caption.",
        )
    return tuple(found)


def caption_key(caption: str) -> str:
    """Return a text that two captions share if they differ only in letter case, punctuation, dashes or spaces."""
    folded = unicodedata.normalize("NFKC", caption).casefold()
    return " ".join(tokenize(folded)) or folded


def visible(name: str) -> str:
    r"""Return a file name in which control characters and bytes that are not UTF-8 are written as `\n` or `\xff`."""
    return "".join(one if one.isprintable() else _escaped(one) for one in name)


def _escaped(one: str) -> str:
    if "\udc80" <= one <= "\udcff":  # how Python writes a byte that is not UTF-8
        return f"\\x{ord(one) - 0xDC00:02x}"
    return one.encode("unicode_escape").decode()


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        elif value is not None:
            yield value
