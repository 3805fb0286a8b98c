"""An evaluation report as Markdown, for people."""

from __future__ import annotations

from collections.abc import Sequence

from data.worlds.tiers import GROUPS, TIERS
from evaluation.markdown_table import markdown_table
from evaluation.report import EvaluationReport, GroupScores
from evaluation.scoring.attribute_scores import ATTRIBUTES
from evaluation.scoring.clip_scores import FAULTS

GROUP_TITLES = {
    "seen": "Seen prompts",
    "validation": "Validation prompts, by which recipes and the champion are chosen",
    "test": "Test prompts",
}


def report_markdown(report: EvaluationReport) -> str:
    """The report as Markdown: tiers beside their bounds, Fréchet distance, faults, attributes and single prompts."""
    parts = [
        "# Evaluation",
        f"Seed {report.config.seed}; {report.config.samples_seen} samples per seen prompt, "
        f"{report.config.samples_held_out} per held-out prompt, {report.config.samples_real} real clips per prompt.",
        "## Tiers",
        *_tier_parts(report),
        "In brackets: Wilson 95 % intervals. *Real clips* shows what a perfect model would reach, *shuffled prompts* "
        "what the same samples reach against other prompts. **Joint exact** counts the clips in which everything is "
        "right, in every frame: motion, shape, turn, size, colour, edge, background, count and permanence.",
        _frechet_line(report),
        "## Distribution",
        _distribution_table(report),
        "Spread of the samples' start, speed and size within a prompt, divided by the spread of real clips: 1 is as "
        "varied as reality. Coverage is the share of real clips with a sample in their neighbourhood, beside what "
        "other real clips reach. *Distance from training* compares the samples' distance from the nearest training "
        "clip of the same prompt with that of fresh real clips: 1 is as far as reality, 0 is a copy.",
        "## What failed",
        _fault_table(report),
        "The left columns show in which share of the samples each attribute is right. *Count* is right if every "
        "prompted object is there, and nothing else. *Permanence* is right if no frame lacks an object. The right "
        "columns show what alone is wrong with the samples that fail.",
        *_attribute_parts(report),
        "## Prompts",
        *_prompt_parts(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tier_parts(report: EvaluationReport) -> list[str]:
    """A table per group of tiers. The group of the test tiers comes last, because nothing is chosen by it."""
    parts = []
    for group in GROUPS:
        tiers = report.tiers_of(group)
        if tiers:
            parts += [f"### {GROUP_TITLES[group]}", _tier_table(report, tiers)]
    return parts


def _tier_table(report: EvaluationReport, tiers: Sequence[GroupScores]) -> str:
    rows = []
    for tier in tiers:
        worst = report.worst(tier.name)
        meaning = f"**{tier.name}** {TIERS[tier.name]}"
        worst_prompt = f"{worst.joint.percent} ({worst.name})" if len(tier.prompts) > 1 else ""
        sides = (("generated", tier.generated), ("real clips", tier.real), ("shuffled prompts", tier.shuffled))
        for title, scores in sides:
            first = title == "generated"
            rows.append(
                (
                    meaning if first else "",
                    title,
                    str(scores.joint.n),
                    f"**{scores.joint}**" if first else str(scores.joint),
                    worst_prompt if first else "",
                    *(rate.percent for rate in (scores.motion, scores.permanence, scores.colour)),
                    f"{scores.shape_iou:.3f}",
                    *(_number(mean) for mean in (scores.rmse, scores.cosine, scores.smoothness)),
                )
            )
    head = "tier|clips|n|joint exact|worst prompt|motion|permanence|colour|shape IoU|RMSE px|cosine|smoothness px"
    return markdown_table(head.split("|"), rows)


def _distribution_table(report: EvaluationReport) -> str:
    rows = []
    for tier in report.tiers:
        spread, copied = tier.diversity, tier.memorisation
        rows.append(
            (
                f"**{tier.name}**",
                *(_number(value) for value in (spread.start, spread.speed, spread.size)),
                f"{_number(spread.coverage)} ({_number(spread.coverage_real)})",
                _number(copied.ratio if copied else None),
            )
        )
    return markdown_table(["tier", "start", "speed", "size", "coverage (real)", "distance from training"], rows)


def _fault_table(report: EvaluationReport) -> str:
    rows = []
    for tier in report.tiers:
        scores, faults = tier.generated, tier.generated.faults
        rates = [getattr(scores, name) for name in FAULTS]
        shares = [f"{100 * number / faults.clips:.1f} %" if faults.clips else "-" for _, number in faults]
        rows.append((f"**{tier.name}**", *(rate.percent for rate in rates), str(faults.clips), *shares))
    return markdown_table(("tier", *FAULTS, "failed", *(f"{name} alone" for name in FAULTS), "several"), rows)


def _attribute_parts(report: EvaluationReport) -> list[str]:
    """The scores by motion, shape and colour. Left out unless prompts differ in more than one of them."""
    if len({scores.attribute for scores in report.attributes}) < 2:
        return []
    tiers = [tier.name for tier in report.tiers]
    found = {(scores.attribute, scores.value, scores.tier): scores for scores in report.attributes}
    rows = []
    for attribute, value in sorted({key[:2] for key in found}, key=lambda pair: (ATTRIBUTES.index(pair[0]), pair[1])):
        cells = [found.get((attribute, value, tier)) for tier in tiers]
        texts = [f"{cell.joint.percent} ({cell.right.percent})" if cell else "-" for cell in cells]
        rows.append((attribute, value, *texts))
    return [
        "## Motions, shapes and colours",
        markdown_table(("asked for", "", *tiers), rows),
        "Joint exact of all prompts that ask for it. In brackets: the share of the clips in which this motion, shape "
        "or colour itself is right.",
    ]


def _prompt_parts(report: EvaluationReport) -> list[str]:
    """A table per group of tiers, so that nobody who looks for the worst prompts reads test prompts on the way."""
    parts = []
    for group in GROUPS:
        listed = report.listed(group)
        asked = sum(len(tier.prompts) for tier in report.tiers_of(group))
        if listed:
            part = "" if len(listed) == asked else f": the {len(listed)} worst of {asked}"
            parts += [f"### {group.capitalize()}{part}", _prompt_table(report, listed)]
    return parts


def _prompt_table(report: EvaluationReport, prompts: Sequence[GroupScores]) -> str:
    rows = [
        (
            prompt.name,
            report.tier_of(prompt.name),
            str(prompt.joint.n),
            f"**{prompt.joint}**",
            prompt.real.joint.percent,
            prompt.shuffled.joint.percent,
            prompt.generated.motion.percent,
            f"{prompt.generated.shape_iou:.3f}",
            _number(prompt.generated.rmse),
            *(_number(value) for value in (prompt.diversity.start, prompt.diversity.speed, prompt.diversity.size)),
            f"{_number(prompt.diversity.coverage)} ({_number(prompt.diversity.coverage_real)})",
        )
        for prompt in prompts
    ]
    head = "prompt|tier|n|joint exact|real|shuffled|motion|shape IoU|RMSE px|start|speed|size|coverage (real)"
    return markdown_table(head.split("|"), rows)


def _frechet_line(report: EvaluationReport) -> str:
    if report.frechet is None:
        return ""
    found = report.frechet
    return (
        f"In-domain Fréchet distance over the seen prompts: **{found.generated:.2f}**. The floor, for other real "
        f"clips, is {found.floor:.2f}. The same samples with shuffled frames have {found.shuffled_frames:.2f}. "
        f"Each side has {found.n} clips."
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
