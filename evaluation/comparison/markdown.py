"""A comparison as a short Markdown text, for people who have not opened its page."""

from __future__ import annotations

from evaluation.comparison.differences import ScoresDifference
from evaluation.comparison.side_by_side import Comparison
from evaluation.comparison.text import change_text, interval_text, span_text, value_text
from evaluation.scoring.measures import Rate


def comparison_markdown(comparison: Comparison) -> str:
    """The verdict and a row a tier: joint exact of A and of B, and their difference."""
    rows = [
        f"| {tier.name} | {_cell(tier.joint.a)} | {_cell(tier.joint.b)} | **{change_text(tier.joint)}**"
        f"{_brackets(span_text(tier.joint))} | {_noise(tier)} |"
        for tier in comparison.tiers
    ]
    head = [
        f"| joint exact | A: {comparison.a.name} | B: {comparison.b.name} | B - A | noise |",
        "| --- | --- | --- | --- | --- |",
    ]
    return f"{comparison.judgement.sentence}\n\n" + "\n".join([*head, *rows]) + "\n\nIn brackets: 95 % intervals.\n"


def _cell(value: Rate | float | None) -> str:
    return value_text(value) + _brackets(interval_text(value))


def _brackets(interval: str) -> str:
    return f" [{interval}]" if interval else ""


def _noise(tier: ScoresDifference) -> str:
    if tier.joint.interval is None:
        return ""
    return "beyond" if tier.joint.beyond_noise else "within"
