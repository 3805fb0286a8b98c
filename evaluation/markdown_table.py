"""Tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data.captions import one_line


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with one line per row. Cells are written as they are: a `|` in them must be escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def escaped(text: str) -> str:
    """Text as Markdown that shows it as it is, on one line, in 200 characters at most."""
    return re.sub(r"([\\`*_{}\[\]<>|#!&~])", r"\\\1", one_line(text, 200))
