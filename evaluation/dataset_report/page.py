"""The page of a data set as HTML that needs no other file and no script: styles and pictures are inside it.

Its Content-Security-Policy forbids every request and every script. All texts are escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.importing.summary import ImportSummary
from evaluation.dataset_report.charts import frequent_words, histogram
from evaluation.html_page import page_templates, source_hash
from evaluation.pictures.data_uri import data_uri
from evaluation.pictures.encoders import encode_png

SHOWN_CLIPS = 40
"""Clips on the contact sheet, at most."""
SHOWN_PAIRS = 20
"""Pairs of similar clips, at most."""
SHOWN_REJECTIONS = 50
"""Lines of rejected.csv on the page, at most."""
_TEMPLATES = Path(__file__).with_name("templates")
_STRIP = 4  # frames of a clip that are shown beside each other
_LONGEST = 300  # characters of a caption that are shown


@dataclass(frozen=True)
class ShownClip:
    """A clip for the contact sheet.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        caption: what it shows.
        file: where it comes from.
        split: train, validation or test.
    """

    frames: NDArray[np.uint8]
    caption: str
    file: str
    split: str


@dataclass(frozen=True)
class ShownPair:
    """A clip of train and a clip of the test that look alike. `distance` counts the bits in which they differ."""

    train: ShownClip
    test: ShownClip
    distance: int


def report_html(
    name: str,
    summary: ImportSummary,
    clips: Sequence[ShownClip],
    *,
    pairs: Sequence[ShownPair] = (),
    pair_count: int = 0,
) -> str:
    """The report of a data set as HTML, to be written in UTF-8.

    Args:
        name: the data set's name, for the title.
        summary: of the import.
        clips: for the contact sheet. The first 40 are shown.
        pairs: similar clips of train and the test, the most similar ones first. The first 20 are shown.
        pair_count: number of all such pairs, if it is greater than that of `pairs`.
    """
    templates = page_templates(_TEMPLATES)
    templates.filters.update(strip=_strip_uri, shortened=_shortened)
    style = (_TEMPLATES / "dataset.css").read_text(encoding="utf-8")
    captions = [caption for file in summary.files for caption in file.captions]
    videos, made = Counter(file.split for file in summary.files), Counter[str]()
    for file in summary.files:
        made[file.split] += file.clips
    charts = {
        "Length of the videos": histogram([file.seconds for file in summary.files], unit=" s"),
        "Pictures per second": histogram([file.fps for file in summary.files]),
        "Shorter side of the videos": histogram([min(file.width, file.height) for file in summary.files], unit=" px"),
        "Words per caption": histogram([len(caption.split()) for caption in captions]),
        "Captions per video": histogram([len(file.captions) for file in summary.files]),
        "Clips per video": histogram([file.clips for file in summary.files]),
    }
    return templates.get_template("dataset.html").render(
        name=name,
        style=style,
        policy=(
            f"default-src 'none'; img-src data:; style-src {source_hash(style)}; base-uri 'none'; form-action 'none'"
        ),
        summary=summary,
        captions=len(captions),
        different=len(set(captions)),
        splits=[(split, videos[split], made[split]) for split in ("train", "validation", "test")],
        charts={title: chart for title, chart in charts.items() if chart},
        sizes=Counter(f"{file.width} x {file.height}" for file in summary.files).most_common(5),
        words=frequent_words(captions),
        clips=clips[:SHOWN_CLIPS],
        pairs=pairs[:SHOWN_PAIRS],
        pair_count=max(pair_count, len(pairs)),
        rejections=summary.rejections[:SHOWN_REJECTIONS],
    )


def _strip_uri(clip: ShownClip) -> str:
    """A data URI of a PNG with some frames from left to right."""
    chosen = clip.frames[np.linspace(0, len(clip.frames) - 1, _STRIP).round().astype(int)]
    return data_uri(encode_png(Image.fromarray(np.concatenate(list(chosen), axis=1))), kind="png")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()} …"
