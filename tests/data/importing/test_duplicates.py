"""The same content is found, and so are clips that look alike."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from data.importing.config import ImportConfig
from data.importing.content import digests_of
from data.importing.decoding import decode
from data.importing.duplicates import fingerprints, near_duplicates, without_duplicates
from data.importing.item import Item, Rejected
from data.importing.summary import VideoRecord, summarised
from tests.data.importing.videos import encoded, moving_square


def test_the_first_of_equal_files_is_kept_with_all_captions(tmp_path: Path) -> None:
    for name, content in {"a": b"same", "b": b"diff", "c": b"same", "d": b"of another length"}.items():
        (tmp_path / name).write_bytes(content)
    items = [Item("a", ("one",)), Item("b", ("two",)), Item("c", ("one", "three"), "test"), Item("d", ("four",))]
    items_and_missing = [*items, Item("missing", ("five",))]
    kept, duplicates = without_duplicates(items_and_missing, list(digests_of(tmp_path, items_and_missing)))
    assert kept == (Item("a", ("one", "three"), "test"), items[1], items[3], Item("missing", ("five",)))
    assert duplicates == {"c": "a"}


def test_a_file_in_a_tar_can_be_the_duplicate_of_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"video")
    (tmp_path / "part.tar").write_bytes(b"....video....")
    items = [Item("a.mp4", ("one",)), Item("part.tar", ("two",), member="0.mp4", offset=4, size=5)]
    assert without_duplicates(items, list(digests_of(tmp_path, items)))[1] == {"part.tar/0.mp4": "a.mp4"}


def test_similar_clips_are_found_and_others_are_not() -> None:
    clips = np.stack([moving_square(10, seed=seed) for seed in range(40)])
    again = np.stack([decode(encoded(frames, options={"crf": "28"}), ImportConfig()).frames[0] for frames in clips[:8]])
    pairs = near_duplicates(fingerprints(clips), fingerprints(again))
    assert {(pair.first, pair.second) for pair in pairs} == {(number, number) for number in range(8)}
    assert all(pair.distance <= 24 for pair in pairs)
    others = np.random.default_rng(0).integers(0, 256, (40, 10, 8, 8, 3), np.uint8).repeat(8, axis=2).repeat(8, axis=3)
    assert near_duplicates(fingerprints(others), fingerprints(again)) == []
    assert near_duplicates(fingerprints(clips[:0]), fingerprints(again)) == []


def test_another_colour_makes_another_clip() -> None:
    red, blue = np.full((2, 1, 10, 64, 64, 3), 255, np.uint8)
    red[:, :, 10:40, 10:40] = (220, 0, 0)
    blue[:, :, 10:40, 10:40] = (0, 0, 220)
    assert near_duplicates(fingerprints(red), fingerprints(blue)) == []
    assert near_duplicates(fingerprints(red), fingerprints(red))[0].distance == 0


def record(file: str) -> VideoRecord:
    return VideoRecord(
        file=file,
        captions=("x",),
        clips=1,
        split="train",
        starts=(0,),
        seconds=1,
        width=8,
        height=8,
        fps=10,
        sha256="0",
    )


def test_a_duplicate_of_a_rejected_file_is_rejected_for_the_same_reason() -> None:
    summary = summarised(
        [record("good")],
        [Rejected("bad\n", "damaged", "is empty.")],
        {"twin of bad": "bad\n", "twin of good": "good"},
        ignored=0,
    )
    assert (summary.accepted, summary.rejected, summary.duplicates) == (1, 2, 1)
    assert summary.reasons == {"damaged": 2, "duplicate": 1}
    rows = list(csv.reader(io.StringIO(summary.rejected_csv().decode())))
    assert rows[:2] == [["file", "reason"], [r"bad\n", "is empty."]]
    assert rows[2] == ["twin of bad", r"is empty. Its content is that of bad\n."]
    assert rows[3][0] == "twin of good"
    assert "has the same content as good." in rows[3][1]
