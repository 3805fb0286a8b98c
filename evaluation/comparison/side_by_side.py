"""Two models with their evaluations, side by side: what is known of each, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.comparison.differences import (
    Judgement,
    ScoresDifference,
    check_comparable,
    judge,
    prompt_differences,
    tier_differences,
)
from evaluation.report.report import EvaluationReport


@dataclass(frozen=True)
class Contender:
    """One of the two models.

    Attributes:
        name: what to call it, "version 3" for example.
        report: its evaluation.
        videos: folder of that evaluation's videos.
        facts: what there is to know of it, by name: reference, digest, training steps ...
        params: its configuration, flat: {"train.seed": "0"}. Sections that are not known are left out.
    """

    name: str
    report: EvaluationReport
    videos: Path
    facts: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Two models to be compared; all differences are B - A.

    Raises ComparisonError as it is made where they were evaluated on different worlds, or in different ways.
    """

    a: Contender
    b: Contender

    def __post_init__(self) -> None:
        check_comparable(self.a.report, self.b.report)

    @property
    def judgement(self) -> Judgement:
        """Which is better by the champion's rule."""
        return judge(self.a.report, self.b.report, name_a=self.a.name, name_b=self.b.name)

    @property
    def tiers(self) -> tuple[ScoresDifference, ...]:
        """What differs in each tier."""
        return tier_differences(self.a.report, self.b.report)

    @property
    def prompts(self) -> tuple[ScoresDifference, ...]:
        """What differs in each prompt, tier by tier."""
        return prompt_differences(self.a.report, self.b.report)

    @property
    def settings(self) -> list[tuple[str, str | None, str | None]]:
        """(key, A's value, B's value) of the settings that differ, in the sections that are known of both; None where a
        side has no such key."""
        a, b = self.a.params, self.b.params
        both = _sections(a) & _sections(b)
        keys = [key for key in sorted({*a, *b}) if _section(key) in both]
        return [(key, a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)]

    @property
    def unknown_sections(self) -> list[tuple[str, str]]:
        """("A" or "B", section) of the settings that are known of the other only."""
        a, b = _sections(self.a.params), _sections(self.b.params)
        return [("A", section) for section in sorted(b - a)] + [("B", section) for section in sorted(a - b)]


def _sections(params: Mapping[str, str]) -> set[str]:
    return {_section(key) for key in params}


def _section(key: str) -> str:
    return key.split(".")[0]
