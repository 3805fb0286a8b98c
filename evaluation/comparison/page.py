"""Two models side by side on one HTML page that needs no other file: styles, script and videos are inside it.

The page can be mailed safely. Its Content-Security-Policy forbids every request, and allows only its own style and
script, identified by their hashes, and embedded pictures. All texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from pathlib import Path

from data.worlds.tiers import TIERS
from evaluation.comparison.differences import MetricDifference
from evaluation.comparison.text import NO_VALUE, change_interval_text, change_text, interval_text, value_text
from evaluation.comparison.two_models import Comparison
from evaluation.html_page import page_templates, source_hash
from evaluation.pictures.video_files import gif_uri, videos_of
from evaluation.scoring.rates import Rate

CLIPS_SHOWN = 4
"""Maximum number of clips per prompt and model that the page shows."""
_TEMPLATES = Path(__file__).with_name("templates")


def comparison_page(comparison: Comparison) -> str:
    """The page of `comparison` as HTML, to be written in UTF-8."""
    templates = page_templates(_TEMPLATES)
    templates.filters.update(
        value=value_text,
        interval=interval_text,
        change=change_text,
        change_interval=change_interval_text,
        points=lambda share: f"{100 * share:.0f}",
    )
    style, script = ((_TEMPLATES / f"comparison.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    sides, prompts = (comparison.a, comparison.b), comparison.prompts
    return templates.get_template("comparison.html").render(
        a=comparison.a,
        b=comparison.b,
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; img-src data:; style-src {source_hash(style)}; script-src {source_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        ),
        verdict=comparison.verdict.sentence,
        config=comparison.a.report.config,
        tiers=comparison.tiers,
        meanings=TIERS,
        frechet=[side.report.frechet for side in sides],
        settings=comparison.settings,
        unknown=comparison.unknown_sections,
        prompts=prompts,
        clips={
            prompt.name: [
                [gif_uri(gif) for gif in videos_of(side.videos, prompt.name, "gif")[:CLIPS_SHOWN]] for side in sides
            ]
            for prompt in prompts
        },
        is_share=lambda value: isinstance(value, Rate),
        reach_of=reach_of,
        prompts_reach=reach_of([prompt.joint for prompt in prompts]),
        nothing=NO_VALUE,
    )


def reach_of(differences: Iterable[MetricDifference]) -> float:
    """The share from 0 up to which a chart must reach to show the intervals of `differences`, in whole points."""
    ends = [abs(end) for difference in differences for end in difference.interval or ()]
    return max(ceil(100 * max(ends, default=0.0)), 1) / 100
