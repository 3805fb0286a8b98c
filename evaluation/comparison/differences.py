"""What differs between two evaluations, measure by measure, and which differences are more than noise.

All differences are B - A. The share of clips that pass has an interval; a mean has none, as a report holds no spread
of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from data.worlds.world import WorldConfig
from evaluation.comparison.standing import compare, difference_interval, standing_of
from evaluation.report.report import EvaluationReport, Scores
from evaluation.scoring.measures import Rate


class ComparisonError(ValueError):
    """Two evaluations that cannot be compared; the message says why."""


@dataclass(frozen=True)
class Measure:
    """One thing that is measured: `key` is its name in MLflow, `field` that in a report, `hint` says how to read it."""

    key: str
    title: str
    field: str
    hint: str = ""
    spread: bool = False

    def of(self, scores: Scores) -> Rate | float | None:
        """The model's value; None where it has none."""
        value: Rate | float | None = getattr(scores.diversity if self.spread else scores.generated, self.field)
        return value

    def of_real_clips(self, scores: Scores) -> Rate | float | None:
        """The bound from real clips; None where the measure is a ratio to them already."""
        name = f"{self.field}_real" if self.spread else self.field
        value: Rate | float | None = getattr(scores.diversity if self.spread else scores.real, name, None)
        return value


MEASURES: tuple[Measure, ...] = (
    Measure("joint_exact", "Joint exact", "joint"),
    Measure("motion", "Motion", "motion"),
    Measure("shape", "Shape", "shape"),
    Measure("permanence", "Permanence", "permanence"),
    Measure("colour", "Colour", "colour"),
    Measure("count", "Count", "count"),
    Measure("shape_iou", "Shape IoU", "shape_iou", "1 is perfect"),
    Measure("rmse_px", "RMSE, px", "rmse", "lower is better"),
    Measure("cosine", "Direction cosine", "cosine", "1 is perfect"),
    Measure("smoothness_px", "Smoothness, px", "smoothness", "right as real clips have it"),
    Measure("diversity_start", "Diversity of start", "start", "1 is as varied as real clips", spread=True),
    Measure("diversity_speed", "Diversity of speed", "speed", "1 is as varied as real clips", spread=True),
    Measure("diversity_size", "Diversity of size", "size", "1 is as varied as real clips", spread=True),
    Measure("coverage", "Coverage", "coverage", "right as real clips have it", spread=True),
)
"""What is compared, the headline first."""


@dataclass(frozen=True)
class Difference:
    """A measure of A and of B. A side is None where that evaluation has no value; so is `bound`, that of real clips."""

    measure: Measure
    a: Rate | float | None
    b: Rate | float | None
    bound: Rate | float | None

    @property
    def change(self) -> float | None:
        """B - A: of shares from 0 to 1, of lengths in px. None where a side has no value."""
        if self.a is None or self.b is None:
            return None
        return _value(self.b) - _value(self.a)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Newcombe's 95 % interval of B - A; None where the measure is no share of clips."""
        if isinstance(self.a, Rate) and isinstance(self.b, Rate):
            return difference_interval(self.b, self.a)
        return None

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        low, high = self.interval or (0.0, 0.0)
        return low > 0 or high < 0


@dataclass(frozen=True)
class ScoresDifference:
    """All differences of a tier or of a prompt, in the order of `MEASURES`."""

    name: str
    tier: str
    prompts: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def joint(self) -> Difference:
        """That of joint exact, the headline."""
        return self.differences[0]


@dataclass(frozen=True)
class Judgement:
    """Which of two models is better by the champion's rule: "A", "B" or, where neither is, None; and a sentence."""

    winner: str | None
    sentence: str


def check_same_world(a: WorldConfig, b: WorldConfig) -> None:
    """Raise `ComparisonError`, which says what differs, unless models of the worlds `a` and `b` can be compared."""
    for name in type(a).model_fields:
        mine, theirs = (json.dumps(world.model_dump(mode="json")[name]) for world in (a, b))
        if mine != theirs:
            raise ComparisonError(
                f"A was trained for a world with {name} = {mine}, B for one with {theirs}. "
                "Scores in different worlds cannot be compared: name two models of the same world."
            )


def check_comparable(a: EvaluationReport, b: EvaluationReport) -> None:
    """Raise `ComparisonError` unless both reports are of the same world and were made in the same way."""
    if a.world_fingerprint != b.world_fingerprint:
        raise ComparisonError(
            f"A was evaluated on the world {a.world_fingerprint[:12]}, B on {b.world_fingerprint[:12]}. "
            "Scores in different worlds cannot be compared: name two models of the same world."
        )
    for name in type(a.config).model_fields:
        mine, theirs = getattr(a.config, name), getattr(b.config, name)
        if mine != theirs:
            raise ComparisonError(
                f"A was evaluated with evaluation.{name} = {mine}, B with {theirs}. Evaluate both in the same way."
            )


def tier_differences(a: EvaluationReport, b: EvaluationReport) -> tuple[ScoresDifference, ...]:
    """What differs in each tier that either report has; A's tiers first."""
    found_a, found_b = ({scores.name: scores for scores in report.tiers} for report in (a, b))
    return tuple(
        _difference(name, name, found_a.get(name), found_b.get(name)) for name in _in_order((*found_a, *found_b))
    )


def prompt_differences(a: EvaluationReport, b: EvaluationReport) -> tuple[ScoresDifference, ...]:
    """What differs in each prompt that either report has, tier by tier."""
    found_a, found_b = ({scores.name: scores for scores in report.prompts} for report in (a, b))
    return tuple(
        _difference(prompt, tier.name, found_a.get(prompt), found_b.get(prompt))
        for tier in tier_differences(a, b)
        for prompt in tier.prompts
        if prompt in found_a or prompt in found_b
    )


def judge(a: EvaluationReport, b: EvaluationReport, *, name_a: str, name_b: str) -> Judgement:
    """Which is better by `evaluation.comparison.standing.compare`, each tried as the candidate against the other.

    Args:
        a: evaluation of one model.
        b: evaluation of the other.
        name_a: what to call the model of `a`.
        name_b: what to call the model of `b`.
    """
    tiers = [{tier.name: tier.prompts for tier in report.tiers} for report in (a, b)]
    if tiers[0] != tiers[1]:
        names = [", ".join(one) or "none" for one in tiers]
        return Judgement(None, f"No verdict: A and B have different prompts (A: {names[0]}; B: {names[1]}).")
    standing_a, standing_b = standing_of(a), standing_of(b)
    if standing_a.held_out is None or standing_b.held_out is None:
        return Judgement(None, "No verdict: the models were not evaluated on held-out prompts.")
    verdict = compare(standing_b, standing_a, champion_name=name_a)
    if verdict.better:
        lead = _lead(standing_b.held_out, standing_a.held_out)
        return Judgement("B", f"B ({name_b}) is better: {verdict.why}. {lead}")
    reverse = compare(standing_a, standing_b, champion_name=name_b)
    if reverse.better:
        lead = _lead(standing_a.held_out, standing_b.held_out)
        return Judgement("A", f"A ({name_a}) is better: {reverse.why}. {lead}")
    return Judgement(None, f"Neither is better by the champion's rule. B ({name_b}): {verdict.why}.")


def _lead(winner: Rate, other: Rate) -> str:
    low, high = difference_interval(winner, other)
    return (
        f"The lead on held-out prompts, {100 * (winner.value - other.value):.1f} points "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f}), is {'beyond' if low > 0 else 'within'} noise."
    )


def _difference(name: str, tier: str, a: Scores | None, b: Scores | None) -> ScoresDifference:
    either = [scores for scores in (a, b) if scores is not None]
    return ScoresDifference(
        name=name,
        tier=tier,
        prompts=_in_order(prompt for scores in either for prompt in scores.prompts),
        differences=tuple(
            Difference(
                measure,
                None if a is None else measure.of(a),
                None if b is None else measure.of(b),
                measure.of_real_clips(either[0]),
            )
            for measure in MEASURES
        ),
    )


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _value(of: Rate | float) -> float:
    return of.value if isinstance(of, Rate) else of
