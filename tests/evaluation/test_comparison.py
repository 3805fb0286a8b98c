"""Comparisons of two models: differences, noise, the verdict, and the page that shows them."""

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.worlds.clips import make_clips_for
from data.worlds.world import HeldOut, WorldConfig
from evaluation.comparison.differences import METRICS
from evaluation.comparison.page import CLIPS_SHOWN, comparison_page
from evaluation.comparison.text import comparison_markdown
from evaluation.comparison.two_models import ComparedModel, Comparison, ComparisonError, check_same_subject
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.pictures.gallery import write_gallery
from evaluation.report import EvaluationReport, FrechetDistances
from evaluation.scoring.rates import difference_interval

CONFIG = EvaluationConfig(samples_seen=12, samples_held_out=16, samples_real=16, frechet=False, videos_per_prompt=5)
WORLD = WorldConfig(
    phrases=("moving down", "moving down-right", "moving left"),
    held_out=(HeldOut(tier="T1", phrase="moving right"),),
)
HOSTILE = '<script src="https://evil.example/x.js"></script>"onload=\'alert(1)\' {{ 7 * 7 }}'


def perfect(prompts, seed):
    return make_clips_for(WORLD, prompts=prompts, seed=seed).frames


def ignores_half(prompts, seed):
    """Every second clip moves down, whatever its prompt asks for."""
    heard = [prompt if number % 2 else "circle moving down" for number, prompt in enumerate(prompts)]
    return make_clips_for(WORLD, prompts=heard, seed=seed).frames


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, sampler in (("a", ignores_half), ("b", perfect)):
        made[name] = tmp_path_factory.mktemp(name)
        write_gallery(made[name], sampler=sampler, world=WORLD, config=CONFIG)
    return made


@pytest.fixture(scope="module")
def pair(folders: dict[str, Path]) -> Comparison:
    frechet = FrechetDistances(generated=2.25, floor=1.0, shuffled_frames=9.0, n=36)
    a, b = (
        evaluate(sampler, world=WORLD, config=CONFIG).model_copy(update={"frechet": frechet})
        for sampler in (ignores_half, perfect)
    )
    return Comparison(
        ComparedModel("version 1", a, folders["a"], {"Seed": "3"}, {"train.seed": "3", "train.steps": "60"}),
        ComparedModel("version 2", b, folders["b"], {"Seed": "4"}, {"train.seed": "4", "train.steps": "60"}),
    )


def without_tier(report: EvaluationReport, name: str) -> EvaluationReport:
    gone = set(report.tier(name).prompts)
    return report.model_copy(
        update={
            "tiers": tuple(tier for tier in report.tiers if tier.name != name),
            "prompts": tuple(scores for scores in report.prompts if scores.name not in gone),
        }
    )


class Page(HTMLParser):
    """The elements of an HTML page with their attributes, and the text of each table row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append("")

    def handle_data(self, data):
        if self.rows:
            self.rows[-1] = f"{self.rows[-1]} {data.strip()}".strip()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def row(self, *words: str) -> str:
        return next(row for row in self.rows if all(word in row for word in words))


@pytest.fixture(scope="module")
def page(pair: Comparison) -> Page:
    return Page(comparison_page(pair))


def test_a_difference_is_b_minus_a_with_newcombes_interval(pair):
    tier = pair.tiers[0]
    a, b = pair.a.report.tier("T0").joint, pair.b.report.tier("T0").joint
    assert tier.joint.change == b.value - a.value
    assert tier.joint.interval == difference_interval(b, a)
    assert tier.joint.beyond_noise
    assert tier.joint.interval[0] > 0


def test_means_have_a_difference_and_no_interval(pair):
    found = {difference.metric.key: difference for difference in pair.tiers[0].differences}
    assert list(found) == [metric.key for metric in METRICS]
    assert found["rmse_px"].change < 0
    assert found["rmse_px"].interval is None
    assert not found["rmse_px"].beyond_noise
    assert found["shape_iou"].bound == pair.a.report.tier("T0").real.shape_iou
    assert found["coverage"].bound == pair.a.report.tier("T0").diversity.coverage_real
    assert found["diversity_start"].bound is None


def test_equal_models_have_no_differences(pair):
    same = Comparison(pair.a, pair.a)
    assert all(difference.change in (0, None) for tier in same.tiers for difference in tier.differences)
    assert not any(difference.beyond_noise for tier in same.tiers for difference in tier.differences)
    assert same.verdict.winner is None
    assert same.settings == []


def test_the_better_model_wins_on_either_side(pair):
    there, back = pair.verdict, Comparison(pair.b, pair.a).verdict
    assert (there.winner, back.winner) == ("B", "A")
    assert there.sentence.startswith("B (version 2) is better: held-out joint exact 100.0 %")
    assert back.sentence.startswith("A (version 2) is better: held-out joint exact 100.0 %")
    assert "is beyond noise." in there.sentence


def test_a_lead_within_noise_is_reported_as_such(pair):
    close = pair.b.report.model_copy(
        update={
            "tiers": tuple(
                tier.model_copy(update={"generated": pair.a.report.tier(tier.name).generated})
                if tier.name == "T0"
                else tier.model_copy(update={"generated": few_more(pair.a.report.tier(tier.name).generated)})
                for tier in pair.b.report.tiers
            )
        }
    )
    verdict = Comparison(pair.a, replace(pair.b, report=close)).verdict
    assert verdict.winner == "B"
    assert "is within noise." in verdict.sentence


def few_more(measures):
    rate = measures.joint
    return measures.model_copy(update={"joint": type(rate).of_counts(round(rate.value * rate.n) + 1, rate.n)})


def test_models_of_different_worlds_are_refused(pair):
    elsewhere = replace(pair.b, report=pair.b.report.model_copy(update={"world_fingerprint": "0" * 64}))
    with pytest.raises(ComparisonError, match="of different worlds cannot be compared"):
        Comparison(pair.a, elsewhere)
    with pytest.raises(ComparisonError, match=r"frame_size = 64, B for one with 32"):
        check_same_subject(WORLD, WORLD.model_copy(update={"frame_size": 32}))
    check_same_subject(WORLD, WORLD.model_copy())


def test_evaluations_with_different_settings_are_refused(pair):
    config = CONFIG.model_copy(update={"seed": 5})
    with pytest.raises(ComparisonError, match=r"evaluation\.seed = 1234, B with 5"):
        Comparison(pair.a, replace(pair.b, report=pair.b.report.model_copy(update={"config": config})))


def test_only_known_settings_that_differ_are_listed(pair):
    assert pair.settings == [("train.seed", "3", "4")]
    newer = replace(pair.b, params={"train.seed": "3", "train.steps": "60", "train.tricks": "1", "model.width": "8"})
    grown = Comparison(pair.a, newer)
    assert grown.settings == [("train.tricks", None, "1")]
    assert grown.unknown_sections == [("A", "model")]
    assert "The settings model of A are unknown" in " ".join(Page(comparison_page(grown)).rows)


def test_the_page_shows_both_scores_and_their_difference_for_every_tier_and_prompt(page, pair):
    for scores in (*pair.tiers, *pair.prompts):
        words = ["Joint exact"] if scores in pair.tiers else [scores.tier, scores.name]
        a, b = scores.joint.a, scores.joint.b
        row = page.row(*words, f"{100 * a.value:.1f} %", f"{100 * a.low:.1f} to {100 * a.high:.1f}")
        assert f"{100 * b.value:.1f} % {100 * b.low:.1f} to {100 * b.high:.1f}" in row
        low, high = scores.joint.interval
        assert f"{abs(100 * low):.1f} to +{100 * high:.1f}" in row
        assert ("beyond noise" if scores.joint.beyond_noise else "within noise") in row
    for metric in METRICS:
        assert page.row(metric.title)


def test_the_page_contains_the_videos_of_both_models(page, pair):
    pictures = page.all("img")
    assert len(pictures) == 2 * CLIPS_SHOWN * len(pair.prompts)  # each evaluation has five
    for picture in pictures:
        kind, content = picture["src"].split(",")
        assert kind == "data:image/gif;base64"
        gif = Image.open(io.BytesIO(base64.b64decode(content)))
        assert gif.n_frames > 1
    first = [picture["src"] for picture in pictures[:CLIPS_SHOWN]]
    files = sorted(pair.a.videos.glob("circle-moving-down-[0-9]*.gif"))[:CLIPS_SHOWN]
    assert [base64.b64decode(uri.split(",")[1]) for uri in first] == [file.read_bytes() for file in files]
    assert pictures[CLIPS_SHOWN]["alt"] == "Clip 1 of B: circle moving down"


def test_the_page_needs_no_other_file_and_no_server(pair):
    html = comparison_page(pair)
    page = Page(html)
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert name not in ("style", "srcset", "action", "poster", "data"), tag
            assert not name.startswith("on"), tag
            if name in ("src", "href"):
                assert value.startswith("data:"), value
    assert "2.25" in html  # the Fréchet distance
    assert "url(" not in html
    assert "@import" not in html
    assert "http:" not in html
    assert "https:" not in html


def test_the_policy_allows_exactly_the_pages_own_style_and_script(pair):
    html = comparison_page(pair)
    policy = next(m["content"] for m in Page(html).all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_names_facts_settings_and_prompts_cannot_inject_markup(pair):
    def spoilt(contender: ComparedModel) -> ComparedModel:
        names = {scores.name: f"circle {HOSTILE} {k}" for k, scores in enumerate(contender.report.prompts)}
        report = contender.report.model_copy(
            update={
                "prompts": tuple(s.model_copy(update={"name": names[s.name]}) for s in contender.report.prompts),
                "tiers": tuple(
                    tier.model_copy(update={"prompts": tuple(names[p] for p in tier.prompts)})
                    for tier in contender.report.tiers
                ),
            }
        )
        return ComparedModel(
            HOSTILE, report, contender.videos, {HOSTILE: HOSTILE}, {f"train.{HOSTILE}": f"{contender.name}{HOSTILE}"}
        )

    plain = Page(comparison_page(pair))
    found = Page(comparison_page(Comparison(spoilt(pair.a), spoilt(pair.b))))
    assert len(found.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert {tag for tag, _ in found.elements} <= {tag for tag, _ in plain.elements}
    assert any(HOSTILE in row for row in found.rows)  # it is shown as text


def test_the_page_says_if_an_evaluation_has_no_videos(pair, tmp_path):
    page = Page(comparison_page(Comparison(replace(pair.a, videos=tmp_path / "gone"), pair.b)))
    assert len(page.all("img")) == CLIPS_SHOWN * len(pair.prompts)
    assert all("no videos" in page.row("T0", prompt.name) for prompt in pair.prompts if prompt.tier == "T0")


def test_a_tier_that_only_one_report_has_is_shown_without_a_difference(pair):
    alone = Comparison(replace(pair.a, report=without_tier(pair.a.report, "T1")), pair.b)
    assert [tier.name for tier in alone.tiers] == ["T0", "T1"]
    assert alone.tiers[1].joint.a is None
    assert alone.tiers[1].joint.change is None
    assert alone.verdict.winner is None
    assert alone.verdict.sentence == "No verdict: A and B have different prompts (A: T0; B: T0, T1)."
    html = comparison_page(alone)
    assert "A not evaluated, B 16 clips" in html
    assert "\N{EN DASH}" in Page(html).row("T1", "circle moving right")
    both = Comparison(*(replace(side, report=without_tier(side.report, "T1")) for side in (pair.a, pair.b)))
    assert "not evaluated on held-out prompts" in both.verdict.sentence
    assert comparison_page(both)


def test_a_model_that_draws_nothing_leaves_gaps_instead_of_numbers(pair):
    def blank(prompts, seed):
        return np.full((len(prompts), WORLD.frames, WORLD.frame_size, WORLD.frame_size, 3), 255, np.uint8)

    nothing = Comparison(replace(pair.a, report=evaluate(blank, world=WORLD, config=CONFIG)), pair.b)
    row = Page(comparison_page(nothing)).row("RMSE, px")
    assert "RMSE, px lower is better \N{EN DASH} " in row
    assert "nan" not in row


def test_the_markdown_has_one_row_per_tier(pair):
    text = comparison_markdown(pair)
    assert text.startswith("B (version 2) is better")
    assert "| joint exact | A: version 1 | B: version 2 | B - A | noise |" in text
    for tier in pair.tiers:
        assert re.search(
            rf"^\| {tier.name} \| .* % \[.*\] \| 100\.0 % \[.*\] \| \*\*\+.* points\*\* \[.*\] \|", text, re.M
        )
