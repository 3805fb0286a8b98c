"""The figures of a comparison as text, the same on its page and in its summaries."""

from __future__ import annotations

from evaluation.comparison.differences import Difference
from evaluation.scoring.measures import Rate

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def value_text(value: Rate | float | None) -> str:
    """A share as "98.6 %", any other value with three decimals, a dash for None."""
    if value is None:
        return NOTHING
    return f"{100 * value.value:.1f} %" if isinstance(value, Rate) else _signed(f"{value:.3f}")


def interval_text(value: Rate | float | None) -> str:
    """The interval of a share, in percent: "98.0 to 99.3"; empty for what has none."""
    return f"{100 * value.low:.1f} to {100 * value.high:.1f}" if isinstance(value, Rate) else ""


def change_text(difference: Difference) -> str:
    """B - A: of shares in points, as "+1.2 points"; of others with three decimals; a dash where a side is missing."""
    change = difference.change
    if change is None:
        return NOTHING
    return f"{_signed(f'{100 * change:+.1f}')} points" if difference.interval else _signed(f"{change:+.3f}")


def span_text(difference: Difference) -> str:
    """The 95 % interval of B - A in points: "-0.3 to +2.8"; empty for what has none."""
    if difference.interval is None:
        return ""
    return " to ".join(_signed(f"{100 * end:+.1f}") for end in difference.interval)


def _signed(number: str) -> str:
    """`number` with a real minus sign, and no sign where nothing but zeros is left of it."""
    return number.lstrip("+-") if not number.strip("+-0.") else number.replace("-", MINUS)
