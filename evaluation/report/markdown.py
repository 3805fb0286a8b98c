"""An evaluation as Markdown tables, for people."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.report.report import EvaluationReport, Scores
from evaluation.scoring.attributes import ATTRIBUTES
from evaluation.scoring.measures import Measures
from evaluation.scoring.metrics import FAULTS

TIER_MEANINGS = {
    "T0": "seen prompts, fresh noise",
    "T1": "unseen phrase of seen words",
    "T2": "a word seen only inside compounds",
    "T3": "unseen combination of what is known",
    "T4": "paraphrase",
    "T5": "which attributes belong together",
}
"""What the prompts of a tier are."""
_SIDES = (("generated", "generated"), ("real", "real clips"), ("shuffled", "shuffled prompts"))


def report_markdown(report: EvaluationReport) -> str:
    """The report as Markdown: tiers beside their bounds, single prompts, Frechet distance and what it all means."""
    parts = [
        "# Evaluation",
        f"Seed {report.config.seed}; {report.config.samples_seen} samples of every seen prompt and "
        f"{report.config.samples_held_out} of every held-out one; {report.config.samples_real} real clips of each.",
        "## Tiers",
        _tier_table(report),
        "In brackets: Wilson's 95 % interval. *Real clips* is what a perfect model would get, *shuffled prompts* what "
        "the same samples get against other prompts. **Joint exact**: the right motion, shape and colour, the "
        "right number of objects, and each of the right size in nine frames of ten.",
        _frechet_line(report),
        "## What failed",
        _fault_table(report),
        "On the left the share of the samples in which each is right; *count*: every prompted object is there once, "
        "and nothing else. On the right what alone is wrong with the samples that fail.",
        *_attribute_parts(report),
        _prompts_heading(report),
        _prompt_table(report.listed),
        "Diversity is the spread of the samples' start, speed and size over that of real clips: 1 is as varied as "
        "reality. Coverage is the share of real clips that have a sample in their neighbourhood.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tier_table(report: EvaluationReport) -> str:
    rows = []
    for tier in report.tiers:
        for side, title in _SIDES:
            measures: Measures = getattr(tier, side)
            first = side == "generated"
            worst = report.worst(tier.name)
            rows.append(
                (
                    f"**{tier.name}** {TIER_MEANINGS.get(tier.name, '')}" if first else "",
                    title,
                    str(measures.joint.n),
                    f"**{measures.joint}**" if first else str(measures.joint),
                    f"{_percent(worst.joint.value)} ({worst.name})" if first and len(tier.prompts) > 1 else "",
                    *(_percent(rate.value) for rate in (measures.motion, measures.permanence, measures.colour)),
                    f"{measures.shape_iou:.3f}",
                    *(_number(value) for value in (measures.rmse, measures.cosine, measures.smoothness)),
                )
            )
    head = (
        "tier",
        "clips",
        "n",
        "joint exact",
        "worst prompt",
        "motion",
        "permanence",
        "colour",
        "shape IoU",
        "RMSE px",
    )
    return _table((*head, "cosine", "smoothness px"), rows)


def _fault_table(report: EvaluationReport) -> str:
    rows = []
    for tier in report.tiers:
        measures, faults = tier.generated, tier.generated.faults
        rates = (measures.motion, measures.shape, measures.colour, measures.count, measures.permanence)
        alone = [_percent(number / faults.clips) if faults.clips else "-" for _, number in faults]
        rows.append((f"**{tier.name}**", *(_percent(rate.value) for rate in rates), str(faults.clips), *alone))
    return _table(("tier", *FAULTS, "failed", *(f"{name} alone" for name in FAULTS), "several"), rows)


def _attribute_parts(report: EvaluationReport) -> list[str]:
    """A table of what fails, where prompts differ in more than one thing."""
    if len({scores.attribute for scores in report.attributes}) < 2:
        return []
    tiers = [tier.name for tier in report.tiers]
    found = {(scores.attribute, scores.value, scores.tier): scores for scores in report.attributes}
    rows = []
    for attribute, value in sorted({key[:2] for key in found}, key=lambda pair: (ATTRIBUTES.index(pair[0]), pair[1])):
        cells = [found.get((attribute, value, tier)) for tier in tiers]
        texts = [f"{_percent(one.joint.value)} ({_percent(one.right.value)})" if one else "-" for one in cells]
        rows.append((attribute, value, *texts))
    return [
        "## Motions, shapes and colours",
        _table(("asked for", "", *tiers), rows),
        "Joint exact of all prompts that ask for it; in brackets the share of the clips in which this motion, shape or "
        "colour itself is right.",
    ]


def _prompts_heading(report: EvaluationReport) -> str:
    listed, all_prompts = len(report.listed), len(report.prompts)
    return "## Prompts" if listed == all_prompts else f"## The {listed} worst of {all_prompts} prompts"


def _prompt_table(prompts: Sequence[Scores]) -> str:
    rows = [
        (
            scores.name,
            str(scores.joint.n),
            f"**{scores.joint}**",
            _percent(scores.real.joint.value),
            _percent(scores.shuffled.joint.value),
            _percent(scores.generated.motion.value),
            f"{scores.generated.shape_iou:.3f}",
            _number(scores.generated.rmse),
            *(_number(value) for value in (scores.diversity.start, scores.diversity.speed, scores.diversity.size)),
            f"{_number(scores.diversity.coverage)} ({_number(scores.diversity.coverage_real)})",
        )
        for scores in prompts
    ]
    head = (
        "prompt",
        "n",
        "joint exact",
        "real",
        "shuffled",
        "motion",
        "shape IoU",
        "RMSE px",
        "start",
        "speed",
        "size",
    )
    return _table((*head, "coverage (real)"), rows)


def _frechet_line(report: EvaluationReport) -> str:
    if report.frechet is None:
        return ""
    found = report.frechet
    return (
        f"In-domain Frechet distance over the seen prompts: **{found.generated:.2f}**; other real clips "
        f"{found.floor:.2f} (the floor), the same samples with their frames shuffled {found.shuffled_frames:.2f}; "
        f"{found.n} clips on each side."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
