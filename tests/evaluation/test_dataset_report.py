"""The page of a data set shows everything, safely."""

from __future__ import annotations

import re

import numpy as np
import pytest

from data.importing.item import Rejected
from data.importing.summary import ImportSummary, VideoRecord, summarised
from evaluation.dataset_report.charts import BARS, frequent_words, histogram
from evaluation.dataset_report.page import ShownClip, ShownPair, report_html

EVIL = "<script>alert('&')</script>"


def summary(count: int) -> ImportSummary:
    files = [
        VideoRecord(
            file=f"{number}.mp4",
            captions=(f"a circle {number}", EVIL),
            clips=1 + number % 3,
            split=("train", "test", "validation")[number % 3],
            starts=(0.0,),
            seconds=1 + number / 7,
            width=640,
            height=360 + number % 2,
            fps=24.0,
            sha256="0" * 64,
        )
        for number in range(count)
    ]
    rejected = [Rejected(f"{EVIL}{number}.mp4", "damaged", "cannot be read.") for number in range(60)]
    return summarised(files, rejected, {"twin.mp4": "0.mp4"}, ignored=7)


def shown(number: int, split: str) -> ShownClip:
    frames = np.random.default_rng(number).integers(0, 256, (10, 64, 48, 3), np.uint8)
    return ShownClip(frames, f"{EVIL} {number}", f"{number}.mp4", split)


@pytest.fixture(scope="module")
def page() -> str:
    clips = [shown(number, "train") for number in range(45)]
    pairs = [ShownPair(shown(1, "train"), shown(2, "test"), distance=5)]
    return report_html(f"My {EVIL}", summary(30), clips, pairs=pairs, pair_count=1234)


def test_the_page_has_all_parts(page: str) -> None:
    for text in (
        "videos accepted</dt><dd>30",
        "clips</dt><dd>60",
        "different captions</dt><dd>31",
        "rejected</dt><dd>60",
        "duplicates</dt><dd>1",
        "ignored</dt><dd>7",
        "640 x 360 (15)",
        "damaged <b>60</b>",
        "11 more stand in rejected.csv",
        "1,234 clips of the test look like a clip of train",
        "5 of 1152 bits differ",
    ):
        assert text in page, text
    assert page.count("<img ") == 40 + 2
    assert page.count("<svg ") == 6


def test_no_text_of_the_data_becomes_markup_and_the_page_loads_nothing(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page
    assert "style=" not in page, "the policy forbids inline styles"
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', page)) == {"data:"}


def test_an_empty_data_set_has_a_page() -> None:
    page = report_html("nothing", summarised([], [], {}, ignored=0), [])
    assert "Every video was imported." in page
    assert "None was found." in page


@pytest.mark.parametrize(
    "values", [[3.0], [1, 2, 2, 9], list(range(100)), [0.5] * 9 + [1e6], [1.25, 1.5, 7.75], [24.0] * 5]
)
def test_every_value_stands_in_one_bar(values: list[float]) -> None:
    chart = histogram(values)
    assert chart is not None
    assert sum(bar.count for bar in chart.bars) == len(values)
    assert 1 <= len(chart.bars) <= BARS + 1
    assert max(bar.height for bar in chart.bars) == 1
    assert histogram([]) is None


def test_words_are_counted_once_per_caption() -> None:
    words = frequent_words(["Red, red circle.", "red square", "красный круг", "à côté"])
    assert words[0] == ("red", 2)
    assert {"красный", "côté", "circle"} <= {word for word, _ in words}
