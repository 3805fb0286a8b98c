"""Two models side by side on one page of HTML that needs nothing else: styles, script and videos are all in it.

The page forbids itself every request: its Content-Security-Policy lets in no source but its own style and script, known
by their hashes, and pictures that stand in the page. All texts are escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import resources
from math import ceil
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from evaluation.comparison.differences import Difference
from evaluation.comparison.side_by_side import Comparison
from evaluation.comparison.text import NOTHING, change_text, interval_text, span_text, value_text
from evaluation.pictures.inline_gif import gif_uri
from evaluation.pictures.video_names import gifs_of
from evaluation.report.markdown import TIER_MEANINGS
from evaluation.scoring.measures import Rate

CLIPS_SHOWN = 4
"""Clips of each prompt and side; an evaluation may have more."""


def comparison_page(comparison: Comparison) -> str:
    """The page of `comparison`, HTML in UTF-8."""
    templates = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(
        value=value_text,
        interval=interval_text,
        change=change_text,
        change_interval=span_text,
        points=lambda share: f"{100 * share:.0f}",
    )
    style, script = _part("comparison.css"), _part("comparison.js")
    a, b, prompts = comparison.a, comparison.b, comparison.prompts
    return templates.get_template("comparison.html").render(
        a=a,
        b=b,
        style=style,
        script=script,
        policy=_policy(style, script),
        verdict=comparison.judgement.sentence,
        config=a.report.config,
        tiers=comparison.tiers,
        meanings=TIER_MEANINGS,
        frechet=(a.report.frechet, b.report.frechet),
        settings=comparison.settings,
        unknown=comparison.unknown_sections,
        prompts=prompts,
        clips={prompt.name: (_clips(a.videos, prompt.name), _clips(b.videos, prompt.name)) for prompt in prompts},
        is_share=lambda value: isinstance(value, Rate),
        reach_of=reach_of,
        prompts_reach=reach_of([prompt.joint for prompt in prompts]),
        nothing=NOTHING,
    )


def reach_of(differences: Iterable[Difference]) -> float:
    """How far from 0 a chart of the intervals of `differences` has to reach: whole points, as a share above 0."""
    ends = [abs(end) for difference in differences for end in difference.interval or ()]
    return max(ceil(100 * max(ends, default=0.0)), 1) / 100


def _clips(folder: Path, prompt: str) -> list[str]:
    return [gif_uri(path) for path in gifs_of(folder, prompt)[:CLIPS_SHOWN]]


def _part(name: str) -> str:
    return resources.files("evaluation").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
