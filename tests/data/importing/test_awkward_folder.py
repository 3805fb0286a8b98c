"""A folder of awkward files: each one gives a right clip or a row in rejected.csv that says why not."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from data.importing.batch import ImportedVideo, import_batch
from data.importing.config import ImportConfig
from data.importing.content import digests_of
from data.importing.duplicates import without_duplicates
from data.importing.item import Rejected
from data.importing.sources import scan
from data.importing.splitting import with_splits
from data.importing.summary import ImportSummary, record_of, summarised
from tests.data.importing.videos import encoded, gif, moving_square, numbered, sound, turned, webp

CONFIG = ImportConfig()


@dataclass(frozen=True)
class Outcome:
    """What an import of the folder made."""

    summary: ImportSummary
    videos: dict[str, ImportedVideo]
    reasons: dict[str, str]


def good(seed: int, **how: object) -> bytes:
    return encoded(moving_square(12, seed=seed), **how)  # type: ignore[arg-type]


def times(first: float) -> list[float]:
    return [first + number / 10 for number in range(12)]


ACCEPTED: dict[str, Callable[[], bytes]] = {
    "good.mp4": lambda: good(1),
    "UPPER CASE.MP4": lambda: good(2),
    "wrong ending.mp4": lambda: good(3, format="avi", codec="mpeg4"),
    "8k.mov": lambda: encoded(
        np.repeat(moving_square(2, seed=4), 68, axis=1).repeat(120, axis=2)[:, :4320, :7680],
        format="mov",
        codec="mjpeg",
        pixels="yuvj420p",
        times=[0.0, 0.8],
    ),
    "varying rate.mp4": lambda: good(5, times=[(number / 9) ** 2 for number in range(12)]),
    "negative times.mkv": lambda: good(6, format="matroska", times=times(-0.7)),
    "rotated.mp4": lambda: turned(good(7), matrix=(0, 1, -1, 0)),
    "odd size.webm": lambda: encoded(moving_square(12, width=75, height=61, seed=8), format="webm", codec="libvpx-vp9"),
    "mono.avi": lambda: encoded(moving_square(12, seed=9), format="avi", codec="ffv1", pixels="gray"),
    "ten bits.mp4": lambda: good(10, codec="libx265", pixels="yuv420p10le"),
    "animated.gif": lambda: gif(moving_square(12, seed=11)),
    "animated.webp": lambda: webp(moving_square(12, seed=12)),
    "Кошка 猫 🐈 e\u0301.mp4": lambda: good(13),
    "new\nline\x07.mp4": lambda: good(14),
    "comma, \"quote\" and 'quote'.mp4": lambda: good(15),
    "-rf %05d.mp4": lambda: good(16),
    "long caption.mp4": lambda: good(17),
    "strange caption.mp4": lambda: good(18),
    "deep/er/inside.mp4": lambda: good(19),
    "damaged far behind.avi": lambda: encoded(
        numbered(25, width=128, height=128), format="avi", codec="mjpeg", pixels="yuvj420p"
    )[:-2000],
}
REJECTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes.mp4": (lambda: b"", "is empty"),
    "zero bytes too.mp4": (lambda: b"", "is empty"),
    "truncated.mp4": (lambda: good(20)[:900], "cannot be read as a video"),
    "truncated.webp": (lambda: webp(moving_square(12))[:300], "cannot be read as a video"),
    "sound only.mp4": (sound, "holds sound only"),
    "text.mp4": (lambda: b"red circle moving up\n", "cannot be read as a video"),
    "picture.gif": (lambda: gif(moving_square(1)), "a single picture"),
    "one frame.mp4": (lambda: encoded(moving_square(1)), "a single picture"),
    "1x1.avi": (
        lambda: encoded(moving_square(12)[:, :1, :1], format="avi", codec="ffv1", pixels="bgr0"),
        "is 1 x 1 px",
    ),
    "too short.mp4": (lambda: encoded(moving_square(4, seed=21)), "is too short"),
    "noise.mp4": (lambda: np.random.default_rng(0).bytes(5000), "cannot be read as a video"),
    "playlist.mp4": (lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "cannot be read as a video"),
    "not in the table.mp4": (lambda: good(22), "has no caption"),
    "empty caption.mp4": (lambda: good(23), "has no caption"),
    "invisible caption.mp4": (lambda: good(24), "has no caption"),
    "endless caption.mp4": (lambda: good(25), "100001 characters"),
    "named but missing.mp4": (lambda: b"", "does not exist"),
    "../outside.mp4": (lambda: b"", "leads out of the folder"),
    "deep/../../outside.mp4": (lambda: b"", "leads out of the folder"),
    "/etc/passwd": (lambda: b"", "leads out of the folder"),
    "link out.mp4": (lambda: b"", "leads out of the folder"),
    "link round.mp4": (lambda: b"", ""),
    "pipe.mp4": (lambda: b"", "is no regular file"),
    "folder.mp4": (lambda: b"", "is no regular file"),
    "nul\0.mp4": (lambda: b"", "is no file name"),
    "two splits.mp4": (lambda: good(26), "has the split 'practice'"),
}
NOT_WRITTEN = ("named but missing.mp4", "../", "deep/../", "/etc", "link ", "pipe", "folder", "nul")
CAPTIONS = {
    "long caption.mp4": "word " * 10_000,
    "strange caption.mp4": 'a cat\u2011like \u2014 «thing»\x00\x1b[31m,\r\nsaid "hi"\u202e 猫 🐈',
    "empty caption.mp4": "",
    "invisible caption.mp4": " \u200b\ufeff\t",
    "endless caption.mp4": "x" * 100_001,
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The outcome of importing the folder. Its table has a byte order mark, CRLF, and quotes round everything."""
    around = tmp_path_factory.mktemp("around")
    folder = around / "videos"
    (folder / "deep" / "er").mkdir(parents=True)
    (around / "outside.mp4").write_bytes(good(99))
    contents = ACCEPTED | {name: make for name, (make, _) in REJECTED.items() if not name.startswith(NOT_WRITTEN)}
    for name, make in contents.items():
        (folder / name).write_bytes(make())
    (folder / "link out.mp4").symlink_to(around / "outside.mp4")
    (folder / "link round.mp4").symlink_to(folder / "link round.mp4")
    (folder / "twin.mp4").write_bytes(good(1))
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "pipe.mp4")
    for name in ("README.md", "Thumbs.db", ".DS_Store", "._good.mp4"):
        (folder / name).write_text("no video")
    (folder / "folder link").symlink_to(around, target_is_directory=True)
    (folder / os.fsdecode(b"not utf-8 \xff.mp4")).write_bytes(good(27))
    rows = [name for name in [*ACCEPTED, *REJECTED, "twin.mp4"] if name not in ("not in the table.mp4",)]
    with (folder / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        table.writerow(["file_name", "caption", "licence", "part"])
        for number, name in enumerate(rows):
            part = "practice" if name == "two splits.mp4" else ""
            table.writerow([name, CAPTIONS.get(name, f"caption number {number}"), "CC0", part])
        table.writerow(["good.mp4", "another caption of the good one", "CC0", "train"])
        table.writerow(["", "a caption of nothing", "CC0", ""])
    config = CONFIG.model_copy(update={"split_column": "part"})
    found = scan(folder, config)
    kept, duplicates = without_duplicates(found.items, list(digests_of(found.root, found.items)))
    results = list(import_batch(found.root, with_splits(kept, config), config))
    videos = [result for result in results if isinstance(result, ImportedVideo)]
    rejected = [*found.rejected, *(result for result in results if isinstance(result, Rejected))]
    summary = summarised(map(record_of, videos), rejected, duplicates, ignored=found.ignored)
    rows_read = list(csv.DictReader(io.StringIO(summary.rejected_csv().decode())))
    return Outcome(
        summary,
        {video.item.name: video for video in videos},
        {row["file"]: row["reason"] for row in rows_read},
    )


@pytest.mark.parametrize("name", list(ACCEPTED), ids=ascii)
def test_a_usable_file_becomes_a_clip(outcome: Outcome, name: str) -> None:
    video = outcome.videos[name]
    assert video.clips.frames.shape == (1, 10, 64, 64, 3)
    assert video.clips.frames[0].std() > 5, "it shows something"
    assert video.item.split in ("train", "validation", "test")


@pytest.mark.parametrize("name", list(REJECTED), ids=ascii)
def test_an_unusable_file_has_a_row_with_the_reason(outcome: Outcome, name: str) -> None:
    assert name not in outcome.videos
    reason = outcome.reasons[name.replace("\0", r"\x00").replace("deep/../../", "../")]
    assert REJECTED[name][1] in reason
    assert reason.endswith("."), "a whole sentence"


def test_clips_show_what_the_files_show(outcome: Outcome) -> None:
    shown = outcome.videos["good.mp4"].clips.frames[0].astype(int)
    assert np.abs(shown - moving_square(12, seed=1)[:10]).mean() < 4
    rotated = outcome.videos["rotated.mp4"].clips.frames[0].astype(int)
    assert np.abs(rotated - np.rot90(moving_square(12, seed=7)[:10], -1, axes=(1, 2))).mean() < 4
    large = outcome.videos["8k.mov"].clips
    assert (large.width, large.height) == (7680, 4320)


def test_captions_are_kept_whole_but_without_control_characters(outcome: Outcome) -> None:
    assert outcome.videos["long caption.mp4"].item.captions == (("word " * 10_000).strip(),)
    (caption,) = outcome.videos["strange caption.mp4"].item.captions
    assert caption == 'a cat\u2011like \u2014 «thing» [31m, said "hi"\u202e 猫 🐈'


def test_a_duplicate_is_named_and_gives_its_caption_to_the_first(outcome: Outcome) -> None:
    assert "has the same content as good.mp4" in outcome.reasons["twin.mp4"]
    captions = outcome.videos["good.mp4"].item.captions
    assert len(captions) == 3
    assert "another caption of the good one" in captions
    assert outcome.videos["good.mp4"].item.split == "train"


def test_links_hidden_files_and_odd_names_are_told_apart(outcome: Outcome) -> None:
    assert "link to a folder" in outcome.reasons["folder link"]
    assert "not UTF-8" in outcome.reasons[r"not utf-8 \xff.mp4"]
    assert outcome.reasons["metadata.csv, row 48"].startswith("names no file")
    assert outcome.summary.ignored == 2, "README.md and Thumbs.db"


def test_the_summary_counts_every_file_once(outcome: Outcome) -> None:
    summary = json.loads(outcome.summary.model_dump_json())
    assert summary["accepted"] == len(ACCEPTED) == len(summary["files"])
    assert summary["duplicates"] == 1
    assert summary["rejected"] == len(REJECTED) + 3 - 1  # two names of outside.mp4 are the same file
    assert sum(summary["reasons"].values()) == summary["rejected"] + summary["duplicates"] == len(summary["rejections"])
    by_name = {file["file"]: file for file in summary["files"]}
    assert by_name["good.mp4"]["clips"] == 1
    assert len(by_name["good.mp4"]["captions"]) == 3
