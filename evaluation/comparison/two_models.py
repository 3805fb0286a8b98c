"""Two models with their evaluations: whether they can be compared, what differs, and which is better."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data.subject import Subject
from data.worlds.world import WorldConfig
from evaluation.comparison.differences import GroupDifference, prompt_differences, tier_differences
from evaluation.promotion_rule import HeadlineScores, judge_candidate
from evaluation.report import EvaluationReport
from evaluation.scoring.rates import difference_interval


class ComparisonError(ValueError):
    """Two models that cannot be compared. The message says why."""


@dataclass(frozen=True)
class ComparedModel:
    """One of the two models.

    Attributes:
        name: what to call it, "version 3" for example.
        report: its evaluation.
        videos: folder with the videos of that evaluation.
        facts: what is known about it, by name: reference, digest, training steps and more.
        params: its configuration with flat keys, as in {"train.seed": "0"}. Unknown sections are left out.
    """

    name: str
    report: EvaluationReport
    videos: Path
    facts: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonVerdict:
    """The better model by the promotion rule ("A", "B", or None if neither is better), and a sentence for people."""

    winner: str | None
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """Two models side by side. All differences are B - A.

    Raises:
        ComparisonError: the models were evaluated on different worlds, or with different settings.
    """

    a: ComparedModel
    b: ComparedModel

    def __post_init__(self) -> None:
        a, b = self.a.report, self.b.report
        if a.world_fingerprint != b.world_fingerprint:
            raise ComparisonError(
                f"A was evaluated on the world {a.world_fingerprint[:12]}, B on {b.world_fingerprint[:12]}. "
                "Scores of different worlds cannot be compared: name two models of the same world."
            )
        for name in type(a.config).model_fields:
            mine, theirs = getattr(a.config, name), getattr(b.config, name)
            if mine != theirs:
                raise ComparisonError(
                    f"A was evaluated with evaluation.{name} = {mine}, B with {theirs}. "
                    "Evaluate both with the same settings."
                )

    @property
    def verdict(self) -> ComparisonVerdict:
        """The promotion rule, applied to each model as the candidate against the other."""
        tiers = [{tier.name: tier.prompts for tier in side.report.tiers} for side in (self.a, self.b)]
        if tiers[0] != tiers[1]:
            names = [", ".join(one) or "none" for one in tiers]
            return ComparisonVerdict(
                None, f"No verdict: A and B have different prompts (A: {names[0]}; B: {names[1]})."
            )
        a, b = HeadlineScores.of(self.a.report), HeadlineScores.of(self.b.report)
        if a.held_out is None or b.held_out is None:
            return ComparisonVerdict(None, "No verdict: the models were not evaluated on held-out prompts.")
        b_wins = judge_candidate(b, a, champion_name=self.a.name)
        if b_wins.better:
            sentence = f"B ({self.b.name}) is better: {b_wins.why}. {_lead(b, a)}"
            return ComparisonVerdict("B", sentence)
        a_wins = judge_candidate(a, b, champion_name=self.b.name)
        if a_wins.better:
            sentence = f"A ({self.a.name}) is better: {a_wins.why}. {_lead(a, b)}"
            return ComparisonVerdict("A", sentence)
        return ComparisonVerdict(None, f"Neither is better by the promotion rule. B ({self.b.name}): {b_wins.why}.")

    @property
    def tiers(self) -> tuple[GroupDifference, ...]:
        """The differences in each tier."""
        return tier_differences(self.a.report, self.b.report)

    @property
    def prompts(self) -> tuple[GroupDifference, ...]:
        """The differences in each prompt, tier by tier."""
        return prompt_differences(self.a.report, self.b.report)

    @property
    def settings(self) -> list[tuple[str, str | None, str | None]]:
        """(key, A's value, B's value) of each setting that differs, None if a side lacks the key.

        Only sections that are known of both models are compared.
        """
        a, b = self.a.params, self.b.params
        both = _sections(a) & _sections(b)
        keys = [key for key in sorted({*a, *b}) if key.split(".")[0] in both]
        return [(key, a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)]

    @property
    def unknown_sections(self) -> list[tuple[str, str]]:
        """("A" or "B", section) for each section of settings that is known of the other model only."""
        a, b = _sections(self.a.params), _sections(self.b.params)
        return [("A", section) for section in sorted(b - a)] + [("B", section) for section in sorted(a - b)]


def check_same_subject(a: Subject, b: Subject) -> None:
    """Raise `ComparisonError`, which names the first difference, unless two models have learned the same."""
    if not (isinstance(a, WorldConfig) and isinstance(b, WorldConfig)):
        raise ComparisonError(
            "Only models of synthetic worlds can be compared on one page, by the exact metric. `flipbook models` lists "
            "the retrieval of models of imported clips."
        )
    for name in type(a).model_fields:
        mine, theirs = (json.dumps(subject.model_dump(mode="json")[name]) for subject in (a, b))
        if mine != theirs:
            raise ComparisonError(
                f"A was trained for a world with {name} = {mine}, B for one with {theirs}. "
                "Scores of different worlds cannot be compared: name two models of the same world."
            )


def _lead(winner: HeadlineScores, other: HeadlineScores) -> str:
    assert winner.held_out is not None
    assert other.held_out is not None
    low, high = difference_interval(winner.held_out, other.held_out)
    return (
        f"The lead on {winner.held_out_are} prompts, "
        f"{100 * (winner.held_out.value - other.held_out.value):.1f} points "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f}), is {'beyond' if low > 0 else 'within'} noise."
    )


def _sections(params: Mapping[str, str]) -> set[str]:
    return {key.split(".")[0] for key in params}
