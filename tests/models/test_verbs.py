"""The dictionary of verbs: it is made from WordNet's files and knows participles and third persons."""

import gzip
from pathlib import Path

import pytest

from models.text import verbs
from models.text.verbs import NOTICE, TABLE, build, definition, may_be_finite

LICENCE = "  1 This software and database is being provided to you\n"


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("dwindling", "become smaller or lose substance"),
        ("hopping", "jump lightly"),
        ("rolling", "move by turning over or rotating"),
        ("rising", "move upward"),
        ("tying", "fasten or secure with a rope"),
        ("mimicking", "imitate"),
        ("dwindles", "become smaller or lose substance"),
        ("rises", "move upward"),
        ("ties", "fasten or secure with a rope"),
        ("ring", None),
        ("string", None),
        ("ceiling", None),
        ("thing", None),
        ("hop", None),
        ("glass", None),
        ("upwards", None),
        ("s", None),
        ("", None),
    ],
)
def test_a_participle_or_third_person_has_the_definition_of_its_verb(word: str, meaning: str | None) -> None:
    assert definition(word) == meaning


def test_a_third_person_is_told_from_other_words() -> None:
    words = ("flies", "goes", "passes", "falls", "falling", "sideways", "canvas", "this")
    assert [word for word in words if may_be_finite(word)] == ["flies", "goes", "passes", "falls"]


def test_the_table_holds_the_first_sense_of_each_single_word(tmp_path: Path) -> None:
    (tmp_path / "data.verb").write_text(
        f'{LICENCE}00000100 38 v 01 hop 0 000 | jump lightly, as a hare (does); "he hopped"  \n'
        "00000200 38 v 01 hop 1 000 | travel by aircraft; for a short way  \n"
        "00000300 38 v 01 lift_off 0 000 | depart from the ground  \n"
        "00000400 38 v 01 glow 0 000 | (of stars) shine  \n"
    )
    (tmp_path / "index.verb").write_text(
        f"{LICENCE}hop v 2 1 @ 2 1 00000100 00000200  \nlift_off v 1 1 @ 1 0 00000300  \nglow v 1 1 @ 1 0 00000400  \n"
    )
    made = build(tmp_path)
    assert gzip.decompress(made).decode().splitlines() == [NOTICE, "glow\tshine", "hop\tjump lightly"]
    assert build(tmp_path) == made


def test_a_damaged_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "TABLE", tmp_path / "verbs.tsv.gz")
    verbs.TABLE.write_bytes(gzip.compress(b"hop\tjump lightly"))
    verbs._table.cache_clear()
    try:
        with pytest.raises(ValueError, match="Install flipbook again"):
            definition("hopping")
    finally:
        verbs._table.cache_clear()


def test_the_table_names_its_authors_and_their_licence_is_beside_it() -> None:
    assert gzip.decompress(TABLE.read_bytes()).decode().startswith(NOTICE)
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in TABLE.with_name("verbs.LICENSE.txt").read_text()
