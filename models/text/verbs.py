"""What verbs mean: a dictionary's definitions of participles and third persons.

The definitions are from WordNet 3.0 (Fellbaum, "WordNet: An Electronic Lexical Database", 1998). Each verb of one word
has its most frequent sense, without brackets and without what follows the first comma. `verbs.tsv.gz` holds the table.
`python -m models.text.verbs /usr/share/wordnet` makes it again from WordNet's files (Debian's package wordnet-base) and
prints its digest. The digest stands in this file, so that a new table changes the digest of the code.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("verbs.tsv.gz")
TABLE_SHA256 = "2b56daa0aef4c9904bbdff5f0da828c7b06f69bc2417c0f98244c2892fd82389"  # Of the uncompressed text.
NOTICE = "# From WordNet 3.0, Copyright 2006 by Princeton University. All rights reserved. See verbs.LICENSE.txt."


def definition(word: str) -> str | None:
    """The definition of the verb in `word` (lower case, ending in "-ing" or "-s"): "become smaller" for "dwindling".

    Returns None for other words, and for verbs that are not in the table.
    """
    table = _table()
    return next((table[lemma] for lemma in _lemmas(word) if lemma in table), None)


def may_be_finite(word: str) -> bool:
    """Whether `word` (lower case) can be the third person of a verb, like "rises" (and perhaps "hands")."""
    return word.endswith("s") and definition(word) is not None


def _lemmas(word: str) -> Iterator[str]:
    """The verbs that `word` can be a form of by the rules of spelling, the most likely first."""
    if word.endswith("s") and not word.endswith("ss"):
        if word.endswith("ies"):
            yield f"{word[:-3]}y"  # "flies"
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]  # "goes", "passes"
        return
    stem = word.removesuffix("ing")
    if stem == word or len(stem) < 2:
        return
    if stem[-1] == stem[-2] or stem.endswith("ck"):
        yield stem[:-1]  # "hopping", "mimicking"; "rolling" is no form of "rol"
    if stem.endswith("y"):
        yield f"{stem[:-1]}ie"  # "tying"
    yield from (stem, f"{stem}e")


@cache
def _table() -> Mapping[str, str]:
    text = gzip.decompress(TABLE.read_bytes())
    if hashlib.sha256(text).hexdigest() != TABLE_SHA256:
        raise ValueError(f"{TABLE} is damaged or from another version. Install flipbook again.")
    return dict(line.split("\t") for line in text.decode().splitlines() if not line.startswith("#"))


def build(wordnet: Path) -> bytes:
    """The table, made from the files of WordNet 3.0 in the folder `wordnet`. It has the same bytes each time."""
    senses = dict(_senses(wordnet))
    entries = {}
    for line in _entries(wordnet / "index.verb"):
        lemma, *rest = line.split()
        first = rest[-int(rest[1])]
        meaning = re.sub(r"\(.*?\)|[,;].*", "", senses[first]).strip()
        if lemma.isalpha() and meaning:  # "lift_off" is two words
            entries[lemma] = meaning
    text = "\n".join([NOTICE, *(f"{word}\t{meaning}" for word, meaning in sorted(entries.items()))])
    return gzip.compress(text.encode(), mtime=0)


def _senses(wordnet: Path) -> Iterator[tuple[str, str]]:
    """Number and definition of each sense, without examples."""
    for line in _entries(wordnet / "data.verb"):
        head, gloss = line.split(" | ", 1)
        yield head.split()[0], gloss.split('; "')[0]


def _entries(file: Path) -> Iterator[str]:
    """The lines of a file of WordNet after its licence, whose lines are indented."""
    return (line for line in file.read_text(encoding="latin-1").splitlines() if line and not line.startswith("  "))


if __name__ == "__main__":
    made = build(Path(sys.argv[1]))
    TABLE.write_bytes(made)
    print(f"{TABLE}: TABLE_SHA256 is {hashlib.sha256(gzip.decompress(made)).hexdigest()}")
