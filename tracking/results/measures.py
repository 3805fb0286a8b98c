"""What MLflow keeps of a report, in the same form for both kinds of reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from data.selection import evenly_spread
from evaluation.any_report import AnyReport
from evaluation.captioned.report import CaptionedReport, SplitScores
from evaluation.comparison.differences import METRICS
from evaluation.report import EvaluationReport, GroupScores
from evaluation.scoring.rates import Rate
from tracking.lineage import DIGEST_LENGTH
from tracking.versions import JOINT_TAG, RETRIEVAL_TAG

SOURCE_LIMIT = 60_000
"""Characters. MLflow refuses data sets whose source has more than 65,535."""
HEADLINE = ("joint_exact", "joint_exact_low", "joint_exact_high", "joint_exact_worst_prompt", "motion", "shape_iou")
CAPTIONED_HEADLINE = ("retrieval", "retrieval_low", "retrieval_high", "retrieval_real")


@dataclass(frozen=True)
class Prompts:
    """The prompts of a group as MLflow's data set."""

    name: str
    digest: str
    source: str
    """JSON."""
    count: int


@dataclass(frozen=True)
class GroupMeasures:
    """The scores of a tier of prompts, or of a split of captions."""

    name: str
    prompts: Prompts
    values: Mapping[str, float]
    """All metrics by name. Shares are 0 to 1."""
    headline: Mapping[str, float]
    """The metrics that the training's run gets, too."""
    tag: tuple[str, float]
    """Name and value of the version's tag."""


def measures_of(report: AnyReport) -> tuple[GroupMeasures, ...]:
    """The scores of each group of prompts of a report."""
    if isinstance(report, CaptionedReport):
        return tuple(_of_split(split, report) for split in report.splits)
    return tuple(_of_tier(tier, report) for tier in report.tiers)


def frechet_values(report: AnyReport) -> dict[str, float]:
    """The Fréchet distances of a report by name. Empty if there are none."""
    found = report.frechet
    if found is None:
        return {}
    values = {name: getattr(found, name) for name in ("generated", "floor", "shuffled_frames")}
    return {name: getattr(value, "value", value) for name, value in values.items()}


def tier_values(tier: GroupScores, report: EvaluationReport) -> dict[str, float]:
    """A tier's metrics by their names in MLflow: shares from 0 to 1, lengths in px, spreads relative to real clips."""
    values: dict[str, float | None] = {
        "joint_exact_low": tier.joint.low,
        "joint_exact_high": tier.joint.high,
        "joint_exact_real": tier.real.joint.value,
        "joint_exact_shuffled": tier.shuffled.joint.value,
        "joint_exact_worst_prompt": report.worst(tier.name).joint.value,
    }
    for metric in METRICS:
        value = metric.of(tier)
        values[metric.key] = value.value if isinstance(value, Rate) else value
    return {name: value for name, value in values.items() if value is not None}


def split_values(split: SplitScores) -> dict[str, float]:
    """A split's metrics by their names in MLflow: shares from 0 to 1, all else relative to real clips."""
    found = split.retrieval
    top = found.generated.top1
    values: dict[str, float | None] = {
        "retrieval": top.value,
        "retrieval_low": top.low,
        "retrieval_high": top.high,
        "retrieval_top5": found.generated.top5.value,
        "retrieval_real": found.real.top1.value,
        "retrieval_shuffled": found.shuffled.top1.value,
        "retrieval_chance": found.chance,
        "change": split.consistency.change.ratio,
        "roughness": split.consistency.roughness.ratio,
        "diversity_pixels": split.diversity.pixels.ratio,
        "diversity_features": split.diversity.features.ratio,
        "distance_from_training": split.memorisation.distance.ratio,
        "near_training": split.memorisation.near.value,
    }
    return {name: value for name, value in values.items() if value is not None}


def tier_prompts(tier: str, prompts: tuple[str, ...]) -> Prompts:
    """The prompts of a tier as a data set."""
    digest = hashlib.sha256("\n".join(prompts).encode()).hexdigest()[:DIGEST_LENGTH]
    return Prompts(f"flipbook-prompts-{tier}", digest, _source(prompts), len(prompts))


def _of_tier(tier: GroupScores, report: EvaluationReport) -> GroupMeasures:
    values = tier_values(tier, report)
    return GroupMeasures(
        name=tier.name,
        prompts=tier_prompts(tier.name, tier.prompts),
        values=values,
        headline={name: values[name] for name in HEADLINE if name in values},
        tag=(JOINT_TAG + tier.name, tier.joint.value),
    )


def _of_split(split: SplitScores, report: CaptionedReport) -> GroupMeasures:
    values = split_values(split)
    source = json.dumps({"tags": {"dataset": report.dataset, "split": split.name}})
    return GroupMeasures(
        name=split.name,
        prompts=Prompts(
            f"flipbook-captions-{split.name}", report.dataset[:DIGEST_LENGTH] or "unknown", source, split.captions
        ),
        values=values,
        headline={name: values[name] for name in CAPTIONED_HEADLINE},
        tag=(RETRIEVAL_TAG + split.name, split.retrieval.generated.top1.value),
    )


def _source(prompts: tuple[str, ...]) -> str:
    """The prompts as JSON; an even choice of them if MLflow would not keep all."""
    shown = prompts
    while len(text := json.dumps({"tags": {"prompts": list(shown)}})) > SOURCE_LIMIT:
        shown = evenly_spread(prompts, len(shown) * SOURCE_LIMIT // (len(text) + 1))
    return text
