"""The differences between two evaluations, metric by metric, and which of them are more than noise.

All differences are B - A. The difference of two shares of clips has a confidence interval. The difference of two means
has none, because a report does not hold their variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.report import EvaluationReport, GroupScores
from evaluation.scoring.rates import Rate, difference_interval


@dataclass(frozen=True)
class Metric:
    """One metric of a report.

    Attributes:
        key: its name in MLflow.
        title: its name on the comparison's page.
        field: its field in `Scores`, or in `Diversity` if `spread` is True.
        hint: how to read its values.
        spread: whether it is a metric of diversity.
    """

    key: str
    title: str
    field: str
    hint: str = ""
    spread: bool = False

    def of(self, scores: GroupScores) -> Rate | float | None:
        """The model's value, or None if it has none."""
        value: Rate | float | None = getattr(scores.diversity if self.spread else scores.generated, self.field)
        return value

    def of_real_clips(self, scores: GroupScores) -> Rate | float | None:
        """The value of real clips, or None if the metric is a ratio to real clips already."""
        name = f"{self.field}_real" if self.spread else self.field
        value: Rate | float | None = getattr(scores.diversity if self.spread else scores.real, name, None)
        return value


METRICS: tuple[Metric, ...] = (
    Metric("joint_exact", "Joint exact", "joint"),
    Metric("motion", "Motion", "motion"),
    Metric("shape", "Shape", "shape"),
    Metric("turn", "Turn", "turn"),
    Metric("size", "Size", "size"),
    Metric("colour", "Colour", "colour"),
    Metric("edge", "Edge", "edge"),
    Metric("background", "Background", "background"),
    Metric("count", "Count", "count"),
    Metric("permanence", "Permanence", "permanence"),
    Metric("shape_iou", "Shape IoU", "shape_iou", "1 is perfect"),
    Metric("rmse_px", "RMSE, px", "rmse", "lower is better"),
    Metric("cosine", "Direction cosine", "cosine", "1 is perfect"),
    Metric("smoothness_px", "Smoothness, px", "smoothness", "right is the value of real clips"),
    Metric("diversity_start", "Diversity of start", "start", "1 is as varied as real clips", spread=True),
    Metric("diversity_speed", "Diversity of speed", "speed", "1 is as varied as real clips", spread=True),
    Metric("diversity_size", "Diversity of size", "size", "1 is as varied as real clips", spread=True),
    Metric("coverage", "Coverage", "coverage", "right is the value of real clips", spread=True),
)
"""The metrics that are compared, and that MLflow keeps for each tier. The first one is the headline."""


@dataclass(frozen=True)
class MetricDifference:
    """One metric of A, of B, and of real clips (`bound`). Each is None if there is no value."""

    metric: Metric
    a: Rate | float | None
    b: Rate | float | None
    bound: Rate | float | None

    @property
    def change(self) -> float | None:
        """B - A. Shares count from 0 to 1, lengths in px. None if a side has no value."""
        if self.a is None or self.b is None:
            return None
        a, b = (side.value if isinstance(side, Rate) else side for side in (self.a, self.b))
        return b - a

    @property
    def interval(self) -> tuple[float, float] | None:
        """Newcombe's 95 % interval of B - A, or None if the metric is not a share of clips."""
        if isinstance(self.a, Rate) and isinstance(self.b, Rate):
            return difference_interval(self.b, self.a)
        return None

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval of the difference does not contain 0."""
        low, high = self.interval or (0.0, 0.0)
        return low > 0 or high < 0


@dataclass(frozen=True)
class GroupDifference:
    """All differences of one tier or of one prompt, in the order of `METRICS`."""

    name: str
    tier: str
    prompts: tuple[str, ...]
    differences: tuple[MetricDifference, ...]

    @property
    def joint(self) -> MetricDifference:
        """The difference in joint exact, the headline."""
        return self.differences[0]


def tier_differences(a: EvaluationReport, b: EvaluationReport) -> tuple[GroupDifference, ...]:
    """The differences in each tier that either report has. The tiers of A come first."""
    return tuple(_difference(name, name, *sides) for name, sides in _pairs_by_name(a.tiers, b.tiers).items())


def prompt_differences(a: EvaluationReport, b: EvaluationReport) -> tuple[GroupDifference, ...]:
    """The differences in each prompt that either report has, tier by tier."""
    sides_of = _pairs_by_name(a.prompts, b.prompts)
    return tuple(
        _difference(prompt, tier.name, *sides_of[prompt])
        for tier in tier_differences(a, b)
        for prompt in tier.prompts
        if prompt in sides_of
    )


def _pairs_by_name(
    a: Sequence[GroupScores], b: Sequence[GroupScores]
) -> dict[str, tuple[GroupScores | None, GroupScores | None]]:
    """A's and B's scores of each group that either of them has."""
    found_a, found_b = ({scores.name: scores for scores in groups} for groups in (a, b))
    return {name: (found_a.get(name), found_b.get(name)) for name in found_a | found_b}


def _difference(name: str, tier: str, a: GroupScores | None, b: GroupScores | None) -> GroupDifference:
    either = [scores for scores in (a, b) if scores is not None]
    differences = []
    for metric in METRICS:
        value_a, value_b = (None if side is None else metric.of(side) for side in (a, b))
        differences.append(MetricDifference(metric, value_a, value_b, metric.of_real_clips(either[0])))
    return GroupDifference(
        name=name,
        tier=tier,
        prompts=tuple(dict.fromkeys(prompt for scores in either for prompt in scores.prompts)),
        differences=tuple(differences),
    )
