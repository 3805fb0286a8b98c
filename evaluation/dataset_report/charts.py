"""Histograms and lists of words for the page of a data set."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

BARS = 20
"""Most bars of a histogram."""


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram. `height` is relative to the highest one, 0 to 1."""

    label: str
    count: int
    height: float


@dataclass(frozen=True)
class Histogram:
    """The bars over equal ranges from `low` to `high`."""

    bars: tuple[Bar, ...]
    low: str
    middle: str
    """Median of the values."""
    high: str


def histogram(values: Sequence[float], *, unit: str = "") -> Histogram | None:
    """Return the histogram of finite numbers. The highest 1 % share the last bar if they lie far off.

    Returns:
        None if there are no values.
    """
    if not values:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    low, top, most = (float(value) for value in (numbers.min(), np.quantile(numbers, 0.99), numbers.max()))
    high = most if most <= 2 * top else top
    whole = bool((numbers == np.rint(numbers)).all())
    high = low + 1 if high <= low else high
    width = (high - low) / BARS
    if whole:
        width = ceil((high - low + 1) / BARS)
    places = np.minimum((numbers - low) / width, (high - low) / width - (0 if whole else 1e-9)).astype(int)
    counts = np.bincount(places)
    ends = [low + width * place for place in range(len(counts) + 1)]
    bars = tuple(
        Bar(f"{_short(ends[n])} to {_short(ends[n + 1] - whole)}{unit}", int(count), float(count / counts.max()))
        for n, count in enumerate(counts)
    )
    return Histogram(bars, _short(low) + unit, _short(float(np.median(numbers))) + unit, _short(most) + unit)


def frequent_words(captions: Iterable[str], *, limit: int = 40) -> list[tuple[str, int]]:
    """Return the most frequent words with the number of captions that use them.

    A word is a run of letters, digits and marks. In languages without spaces it can be a whole phrase.
    """
    counts: Counter[str] = Counter()
    for caption in captions:
        text = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in caption.casefold())
        counts.update(set(text.split()))
    return counts.most_common(limit)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
