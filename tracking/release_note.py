"""The description of a version on its page in MLflow: a release note in Markdown, with one section per topic.

Each section is written when its facts are known: the training data at registration, the scores after an evaluation, the
standing when the version is compared with the champion. Text that a person has added to the page stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from data.captions import for_shell, one_line
from data.selection import evenly_spread
from data.subject import CaptionedSubject
from data.worlds.tiers import group_of
from evaluation.any_report import AnyReport
from evaluation.captioned.report import CaptionedReport
from evaluation.markdown_table import escaped
from evaluation.promotion_rule import HeadlineScores
from evaluation.report import EvaluationReport
from evaluation.scoring.rates import difference_interval
from models.checkpoint import CheckpointInfo
from tracking.lineage import COMMIT_TAG, IMPORTED_FROM_TAG, NOTE_TAG, VERSION_TAG
from tracking.store import TRAINING_VIEW

if TYPE_CHECKING:
    from mlflow.entities import Run

STANDING, SCORES, TRAINED_ON, CONFIGURATION, CODE, USE, LINKS = (
    "Standing", "Scores", "Trained on", "Configuration", "Code", "Use it", "Links",
)  # fmt: skip
ORDER = (STANDING, SCORES, TRAINED_ON, CONFIGURATION, CODE, USE, LINKS)
LIMIT = 5000  # characters; MLflow's limit for a description
DISPENSABLE = (CONFIGURATION, USE, CODE)  # removed in this order if the note is too long
PROMPTS_SHOWN = 20  # per tier
PROMPT_EXAMPLES = 4  # per tier that has more prompts
CAPTION_LETTERS = 100
EVALUATION_WORDS = "Run of the evaluation: all metrics"
KINDS = {
    "seen": "seen",
    "validation": "validation, kept from training",
    "test": "test, kept from training",
}
_GROUP_OF_SPLIT = {"train": "seen"}
VIDEOS_WORDS = "Videos of every prompt, and the report of the evaluation"

Sections = Mapping[str, str]


def with_sections(description: str, sections: Sections) -> str:
    """`description` with `sections` (text by heading), which replace those that it has under the same headings.

    The project's own sections come first, in a fixed order, and other sections follow unchanged. A note that is too
    long for MLflow loses its least important sections.
    """
    preface, found = _split(description)
    merged = found | {heading: text.strip() for heading, text in sections.items()}
    ordered = [heading for heading in ORDER if heading in merged]
    ordered += [heading for heading in merged if heading not in ORDER]
    note = _joined(preface, merged, ordered)
    for heading in DISPENSABLE:
        if len(note) > LIMIT and heading in ordered:
            ordered.remove(heading)
            note = _joined(preface, merged, ordered)
    return note[:LIMIT]


def first_note(info: CheckpointInfo, run: Run, *, ref: str, server: str | None) -> str:
    """The release note of a version at its registration.

    Args:
        info: the description in the checkpoint.
        run: MLflow run of its training, or of its import.
        ref: reference to the version, ``models:/flipbook/3``.
        server: address of the MLflow server; None if the store is a file in the home.
    """
    subject, tags = info.subject, run.data.tags
    prompt = subject.seen_prompts[0]
    if isinstance(subject, CaptionedSubject):
        prompt = one_line(min(subject.seen_prompts, key=len), CAPTION_LETTERS)
    preface = (
        f"Draws {subject.format} at {subject.format.fps:g} fps from a prompt such as *{escaped(prompt)}*. "
        f"Trained for {info.step:,} steps."
    )
    run_words = "Run of the training: losses, samples, configuration"
    if IMPORTED_FROM_TAG in tags:
        preface += f" Trained elsewhere, imported from `{tags[IMPORTED_FROM_TAG]}`."
        run_words = "Run of the import"
        if NOTE_TAG in tags:
            preface += f"\n\n{tags[NOTE_TAG]}"
    sections = {
        STANDING: f"Not evaluated yet: `flipbook evaluate --model {ref}` scores it.",
        TRAINED_ON: _trained_on(info, run),
        CONFIGURATION: _configuration(info, run.data.params),
        CODE: _code(tags),
        USE: _use(prompt, ref, server),
        LINKS: f"* {run_link(run, run_words)}",
    }
    return with_sections(preface, sections)


def score_table(report: AnyReport) -> str:
    """One row per tier or split: the headline with its interval, its two bounds, and the parts of the score."""
    return _captioned_table(report) if isinstance(report, CaptionedReport) else _joint_table(report)


def _captioned_table(report: CaptionedReport) -> str:
    head = ("captions", "found by a matcher [95 %]", "real clips", "shuffled captions", "in the best 5", "clips")
    rows = []
    for split in report.splits:
        found = split.retrieval
        rows.append(
            (
                f"{split.name} ({split.captions})",
                f"**{found.generated.top1}**",
                found.real.top1.percent,
                found.shuffled.top1.percent,
                found.generated.top5.percent,
                str(found.generated.top1.n),
            )
        )
    words = (
        "Retrieval: a matcher of texts and videos, trained on real clips, finds the caption of a video among up to "
        f"{report.config.candidates}. In brackets: Wilson's 95 % interval."
    )
    if report.frechet is not None:
        words += f" Fréchet distance {report.frechet.generated} (real against real {report.frechet.floor})."
    return f"{_table(head, rows)}\n\n{words}"


def _joint_table(report: EvaluationReport) -> str:
    head = ("tier", "joint exact [95 %]", "real clips", "shuffled prompts", "worst prompt", "motion", "IoU", "clips")
    rows = []
    for tier in report.tiers:
        measures, worst = tier.generated, report.worst(tier.name)
        rows.append(
            (
                tier.name,
                f"**{measures.joint}**",
                _percent(tier.real.joint.value),
                _percent(tier.shuffled.joint.value),
                f"{_percent(worst.joint.value)} ({worst.name})",
                _percent(measures.motion.value),
                f"{measures.shape_iou:.3f}",
                str(measures.joint.n),
            )
        )
    words = (
        "T0: seen prompts, fresh noise. The other tiers are in no training clip: V is for validation, T1 and up for "
        "the test. In brackets: Wilson's 95 % interval."
    )
    if report.frechet is not None:
        words += f" Fréchet distance {report.frechet.generated:.2f} (real against real {report.frechet.floor:.2f})."
    return f"{_table(head, rows)}\n\n{words}"


def difference_table(candidate: HeadlineScores, champion: HeadlineScores, *, champion_name: str) -> str:
    """The differences between `candidate` and the champion at that time, with 95 % intervals (Newcombe's)."""
    rows = []
    for name, ours, theirs in (
        (f"{candidate.held_out_are} prompts", candidate.held_out, champion.held_out),
        (candidate.seen_are, candidate.seen, champion.seen),
    ):
        if ours is None or theirs is None:
            continue
        low, high = difference_interval(ours, theirs)
        difference = f"{100 * (ours.value - theirs.value):+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        rows.append((name, _percent(ours.value), _percent(theirs.value), difference))
    table = _table((candidate.measure, "this version", champion_name, "difference [95 %]"), rows)
    chosen_by = f"{candidate.held_out_are} prompts"
    return f"{table}\n\nThe rule: higher on {chosen_by}, and not lower on seen ones by more than noise."


def links(description: str, evaluation: Run) -> str:
    """The links of a note after an evaluation: its links to the training, and links to the scores and videos."""
    _, sections = _split(description)
    ours = tuple(f"* [{words}](" for words in (EVALUATION_WORDS, VIDEOS_WORDS))
    kept = [line for line in sections.get(LINKS, "").splitlines() if not line.startswith(ours)]
    return "\n".join(
        (
            *kept,
            f"* {run_link(evaluation, EVALUATION_WORDS)}",
            f"* {run_link(evaluation, VIDEOS_WORDS, page='/artifacts')}",
        )
    )


def run_link(run: Run, words: str, *, page: str = "", server: str = "") -> str:
    """A Markdown link to a page of a run. Links from outside MLflow's pages name the `server`."""
    return f"[{words}]({server}#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}{page}{TRAINING_VIEW})"


def version_link(version: int | str) -> str:
    """A Markdown link to a version's page."""
    return f"[version {version}](#/models/flipbook/versions/{version}{TRAINING_VIEW})"


def _split(description: str) -> tuple[str, dict[str, str]]:
    """The text before the first heading, and the text below each heading of the second level."""
    preface: list[str] = []
    sections: dict[str, list[str]] = {}
    lines, fenced = preface, False
    for line in description.splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            lines = sections.setdefault(line.removeprefix("## ").strip(), [])
        else:
            lines.append(line)
    return "\n".join(preface).strip(), {heading: "\n".join(text).strip() for heading, text in sections.items()}


def _joined(preface: str, sections: Sections, order: Sequence[str]) -> str:
    parts = [preface, *(f"## {heading}\n\n{sections[heading]}" for heading in order)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _trained_on(info: CheckpointInfo, run: Run) -> str:
    facts = [f"* Data set: {_dataset(info, run)}, digest `{info.dataset_digest}`"]
    if isinstance(info.subject, CaptionedSubject):
        for split, captions in info.subject.examples.items():
            some = "; ".join(
                escaped(one_line(caption, CAPTION_LETTERS)) for caption in evenly_spread(captions, PROMPT_EXAMPLES)
            )
            facts.append(f"* {KINDS[_GROUP_OF_SPLIT.get(split, split)]}, for example: {some}")
        return "\n".join(facts)
    for tier, prompts in info.subject.tiers.items():
        kind = KINDS[group_of(tier)]
        few = prompts if len(prompts) <= PROMPTS_SHOWN else evenly_spread(prompts, PROMPT_EXAMPLES)
        more = f" and {len(prompts) - len(few)} more" if len(prompts) > len(few) else ""
        facts.append(f"* {tier}, {kind} ({len(prompts)}): {', '.join(few)}{more}")
    return "\n".join(facts)


def _dataset(info: CheckpointInfo, run: Run) -> str:
    for item in run.inputs.dataset_inputs if run.inputs else []:
        profile = json.loads(item.dataset.profile or "{}")
        if profile.get("digest") == info.dataset_digest:
            seed = f", seed {profile['seed']}" if "seed" in profile else ""
            return f"`{item.dataset.name}`, {profile['clips']:,} clips in {profile['shards']} shards{seed}"
    return "made elsewhere"


def _configuration(info: CheckpointInfo, params: Mapping[str, str]) -> str:
    """The most important values of the configuration. The run's params hold all of them."""
    model = info.model
    lines = []
    if "train.seed" in params:
        batch = f"{params['train.prompts_per_batch']} prompts x {params['train.clips_per_prompt']} clips"
        lines += [
            f"* Seed of the training: {params['train.seed']}",
            f"* {int(params['train.steps']):,} steps, batch {batch}, learning rate {params['train.learning_rate']} "
            f"falling over the last {float(params['train.decay_share']):.0%}, EMA {params['train.ema_decay']}",
            f"* Penalties: clips {params['train.first_clip_penalty']} to {params['train.clip_penalty']}, frames "
            f"{params['train.frame_penalty']}, free term {params['train.free_term_penalty']}",
        ]
    if model.network == "tutorial":
        return "\n".join([*lines, "* The tutorial's network"])
    sizes = f"motion {model.motion}, text width {model.text_width}, channels {model.channels}"
    return "\n".join([*lines, f"* Generator: {sizes}, latent {model.latent_size}"])


def _code(tags: Mapping[str, str]) -> str:
    commit = tags.get(COMMIT_TAG, "")
    dirty = " with changes that were not committed" if commit.endswith("-dirty") else ""
    where = f"commit `{commit.removesuffix('-dirty')}`{dirty}" if commit else "outside a git checkout"
    return (
        f"Flipbook {tags.get(VERSION_TAG, 'unknown')}, {where}; run by `{tags.get('mlflow.source.name', 'unknown')}`."
    )


def _use(prompt: str, ref: str, server: str | None) -> str:
    """Commands and Python that draw with the version. The text holds no path, so that the home can be moved."""
    store = f'"{server}"' if server else 'f"sqlite:///{home}/mlflow.db"'
    lines = [
        *(() if server else ("import os", "from pathlib import Path", "")),
        "import mlflow",
        "",
        *(() if server else ('home = Path(os.environ.get("FLIPBOOK_HOME", ".flipbook")).resolve()',)),
        f"mlflow.set_tracking_uri({store})",
        f'model = mlflow.pyfunc.load_model("{ref}")  # nothing is unpickled',
        f'frames = model.predict([{json.dumps(prompt, ensure_ascii=False)}], params={{"seed": 7}})'
        "  # uint8 (N, T, H, W, 3)",
    ]
    code = "\n".join(lines)
    return f"```sh\nflipbook generate {for_shell(prompt)} --model {ref}\n```\n\n```python\n{code}\n```"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table. MLflow's pages put no space between columns, so the cells contain some."""
    lines = ["| " + " | ".join(f"{cell}&nbsp;&nbsp;" for cell in line) + " |" for line in (head, *rows)]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in head) + " |", *lines[1:]])


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
