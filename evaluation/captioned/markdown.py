"""A report on captioned clips as Markdown, for people."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.captioned.estimates import Bounded, Estimate
from evaluation.captioned.report import CaptionedReport
from evaluation.captioned.retrieval import CaptionScore, RetrievalScores
from evaluation.markdown_table import markdown_table


def captioned_markdown(report: CaptionedReport) -> str:
    """The report as Markdown: retrieval beside its bounds, distribution, Fréchet distance, and single captions."""
    config = report.config
    parts = [
        "# Evaluation against captioned clips",
        f"Seed {config.seed}; about {config.clips_per_split} samples for at most {config.captions_per_split} captions "
        f"per split, and at most {config.real_clips} real clips.",
        "## Retrieval",
        _retrieval_table(report),
        "The share of the clips whose own caption fits best, among all candidates, as a matcher of texts and videos "
        "says. It was trained on real training clips that are not compared here. In brackets: 95 % intervals, Wilson's "
        "over clips, and a bootstrap over captions. *Real clips* shows what a perfect model would reach: captions that "
        "mean the same keep it below 100 %. *Shuffled captions* shows the same samples against other captions. "
        "*Chance* is what a model reaches that ignores its captions. A split with fewer than 10 captions gets training "
        "captions as further candidates.",
        _frechet_line(report),
        "## Time, diversity, and distance from the training clips",
        _distribution_table(report),
        "*Change* is the mean difference of consecutive frames, *roughness* that of second differences divided by "
        "change: jitter and flicker raise it. *Spread* is the mean distance of two clips of one caption: 0 is one clip "
        "repeated. *Distance from training* is the distance from the nearest training clip: 0 is a copy. Each is right "
        "if it is like that of real clips. *Shuffled* has shuffled frames for change and roughness, samples of other "
        "captions for the spread, and random training clips for the distance.",
        *_near_lines(report),
        "## Captions",
        *_caption_parts(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _retrieval_table(report: CaptionedReport) -> str:
    rows = []
    for split in report.splits:
        found = split.retrieval
        sides: tuple[tuple[str, RetrievalScores], ...] = (
            ("generated", found.generated),
            ("real clips", found.real),
            ("shuffled captions", found.shuffled),
        )
        for title, scores in sides:
            first = title == "generated"
            spread = scores.over_captions
            rows.append(
                (
                    f"**{split.name}**" if first else "",
                    title,
                    str(scores.top1.n),
                    f"**{scores.top1}**" if first else str(scores.top1),
                    f"[{100 * spread.low:.1f}, {100 * spread.high:.1f}], {spread.captions} captions",
                    scores.top5.percent,
                    f"{found.candidates:.0f}{' (filled up)' if found.filled_up else ''}" if first else "",
                    f"{100 * found.chance:.1f} %" if first else "",
                )
            )
    head = ["split", "clips", "n", "caption found", "over captions", "in the best 5", "candidates", "chance"]
    return markdown_table(head, rows)


def _distribution_table(report: CaptionedReport) -> str:
    rows = []
    for split in report.splits:
        measures = {
            "change, levels": split.consistency.change,
            "roughness": split.consistency.roughness,
            "spread in pixels, levels": split.diversity.pixels,
            "spread in features": split.diversity.features,
            "distance from training, levels": split.memorisation.distance,
        }
        for number, (title, bounded) in enumerate(measures.items()):
            rows.append((f"**{split.name}**" if number == 0 else "", title, *_cells(bounded)))
    return markdown_table(["split", "", "generated", "real clips", "shuffled", "generated / real"], rows)


def _near_lines(report: CaptionedReport) -> list[str]:
    lines = [
        f"Samples of {split.name} captions nearer to a training clip than 95 % of the real clips: "
        f"{split.memorisation.near}. Usual are 5 %."
        for split in report.splits
    ]
    spread = [split.name for split in report.splits if split.diversity.real_clips_of == "all captions"]
    if spread:
        lines.append(f"Most captions of {', '.join(spread)} have one real clip. Their *real* spread is over all clips.")
    return lines


def _caption_parts(report: CaptionedReport) -> list[str]:
    parts = []
    for split in report.splits:
        parts += [f"### {split.name.capitalize()}: the worst of {split.captions}", _caption_table(split.worst)]
        if split.captions > len(split.worst):
            parts += [f"### {split.name.capitalize()}: the best", _caption_table(split.best)]
    return parts


def _caption_table(scores: Sequence[CaptionScore]) -> str:
    rows = [
        (
            _cell(score.caption),
            f"**{score.generated}**",
            str(score.generated.n),
            f"{score.mean_rank:.1f}",
            score.real.percent if score.real else "-",
        )
        for score in scores
    ]
    return markdown_table(["caption", "found", "n", "mean rank", "real clips"], rows)


def _frechet_line(report: CaptionedReport) -> str:
    if report.frechet is None:
        return ""
    found = report.frechet
    return (
        f"In-domain Fréchet distance over the seen captions: **{found.generated}**. The floor, for other real clips, "
        f"is {found.floor}. The same samples with shuffled frames have {found.shuffled_frames}. Each side has "
        f"{found.n} clips."
    )


def _cells(bounded: Bounded) -> tuple[str, str, str, str]:
    ratio = "-" if bounded.ratio is None else f"{bounded.ratio:.2f}"
    return f"**{_text(bounded.generated)}**", _text(bounded.real), _text(bounded.shuffled), ratio


def _text(estimate: Estimate | None) -> str:
    return "-" if estimate is None else str(estimate)


def _cell(caption: str) -> str:
    """A caption of any form as one cell of a table."""
    return " ".join(caption.split()).replace("\\", "\\\\").replace("|", "\\|")
