"""A comparison as text: its figures, the same wherever they are shown, and a short summary in Markdown."""

from __future__ import annotations

from evaluation.comparison.differences import MetricDifference
from evaluation.comparison.two_models import Comparison
from evaluation.scoring.rates import Rate

NO_VALUE = "\N{EN DASH}"


def comparison_markdown(comparison: Comparison) -> str:
    """The verdict, and one row per tier with the joint exact scores of A and B and their difference."""
    lines = [
        f"| joint exact | A: {comparison.a.name} | B: {comparison.b.name} | B - A | noise |",
        "| --- | --- | --- | --- | --- |",
    ]
    for tier in comparison.tiers:
        a, b = (value_text(side) + _brackets(interval_text(side)) for side in (tier.joint.a, tier.joint.b))
        change = f"**{change_text(tier.joint)}**{_brackets(change_interval_text(tier.joint))}"
        lines.append(f"| {tier.name} | {a} | {b} | {change} | {noise_text(tier.joint)} |")
    return "\n".join([comparison.verdict.sentence, "", *lines, "", "In brackets: 95 % intervals."]) + "\n"


def value_text(value: Rate | float | None) -> str:
    """A share as "98.6 %", any other value with three decimals, None as a dash."""
    if value is None:
        return NO_VALUE
    return value.percent if isinstance(value, Rate) else _signed(f"{value:.3f}")


def interval_text(value: Rate | float | None) -> str:
    """The interval of a share in per cent, as in "98.0 to 99.3". Empty if there is none."""
    return f"{100 * value.low:.1f} to {100 * value.high:.1f}" if isinstance(value, Rate) else ""


def change_text(difference: MetricDifference) -> str:
    """B - A. For shares in points, as in "+1.2 points", else with three decimals. A dash if a side has no value."""
    change = difference.change
    if change is None:
        return NO_VALUE
    return f"{_signed(f'{100 * change:+.1f}')} points" if difference.interval else _signed(f"{change:+.3f}")


def change_interval_text(difference: MetricDifference) -> str:
    """The 95 % interval of B - A in points, as in "-0.3 to +2.8". Empty if there is none."""
    if difference.interval is None:
        return ""
    return " to ".join(_signed(f"{100 * end:+.1f}") for end in difference.interval)


def noise_text(difference: MetricDifference) -> str:
    """Whether the difference is "beyond" or "within" noise. Empty if it has no interval."""
    if difference.interval is None:
        return ""
    return "beyond" if difference.beyond_noise else "within"


def _brackets(interval: str) -> str:
    return f" [{interval}]" if interval else ""


def _signed(number: str) -> str:
    """`number` with a typographic minus sign, and without any sign if it is rounded to zero."""
    return number.lstrip("+-") if not number.strip("+-0.") else number.replace("-", "\N{MINUS SIGN}")
