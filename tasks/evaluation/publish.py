"""What an evaluation leaves in Prefect for people: the table of scores, and the videos beside their scores."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from data.home import Home
from data.selection import evenly_spread
from data.worlds.tiers import GROUPS
from evaluation.captioned.report import SEEN_SPLIT, CaptionedReport
from evaluation.markdown_table import escaped
from evaluation.pictures.video_files import gif_uri, videos_of
from evaluation.report import EvaluationReport, GroupScores
from tasks.evaluation.evaluate import Evaluation
from tasks.retrying import MLFLOW_ATTEMPTS, retried
from tracking.release_note import run_link
from tracking.store import mlflow_pages, open_store

SCORES_KEY = "scores"
VIDEOS_KEY = "videos"
CAPTIONS_ON_PAGE = 6  # per split. The GIFs of real videos are large
VIDEOS_PER_ROW = 2  # each is 256 px wide: the page has room for two
HEADINGS = {
    "test": "Test: in no training clip",
    "validation": "Validation: in no training clip",
    "seen": "Seen in training",
}
LOCAL_MLFLOW = "http://127.0.0.1:5000"  # where `flipbook ui` serves MLflow by default


@task(name="publish", **retried(MLFLOW_ATTEMPTS))
def publish_evaluation(home: Home, model_ref: str, run_id: str | None, evaluation: Evaluation) -> None:
    """Make the flow run's artifacts: `scores`, a table, and `videos`, Markdown that shows the clips of every prompt."""
    report = evaluation.report()
    origin = origin_markdown(home, run_id)
    if isinstance(report, CaptionedReport):
        rows, videos = split_rows(report), captioned_videos(evaluation, report, model_ref=model_ref, origin=origin)
    else:
        rows, videos = score_rows(report), videos_markdown(evaluation, report, model_ref=model_ref, origin=origin)
    create_table_artifact(
        rows,
        key=SCORES_KEY,
        description=f"Scores of {model_ref}, with Wilson's 95 % intervals. real: the scores of real clips, which a "
        "perfect model reaches. shuffled: the scores against wrong prompts",
    )
    create_markdown_artifact(
        videos,
        key=VIDEOS_KEY,
        description=f"Videos of {model_ref}, one of each prompt",
    )


def score_rows(report: EvaluationReport) -> list[dict[str, str]]:
    """One row per tier, then one row per prompt that tables list, with the most important scores of each."""
    rows = [_score_row(f"{tier.name}, all prompts", tier, tier.name) for tier in report.tiers]
    listed = [scores for group in GROUPS for scores in report.listed(group)]
    return rows + [_score_row(scores.name, scores, report.tier_of(scores.name)) for scores in listed]


def _score_row(name: str, scores: GroupScores, tier: str) -> dict[str, str]:
    return {
        "prompt": name,
        "tier": tier,
        "joint exact": str(scores.joint),
        "real": f"{100 * scores.real.joint.value:.1f} %",
        "shuffled": f"{100 * scores.shuffled.joint.value:.1f} %",
        "motion": f"{100 * scores.generated.motion.value:.1f} %",
        "shape IoU": f"{scores.generated.shape_iou:.3f}",
        "failed by": str(scores.generated.faults),
        "clips": str(scores.joint.n),
    }


def split_rows(report: CaptionedReport) -> list[dict[str, str]]:
    """One row per split, then one row per listed caption, with the share of clips whose caption a matcher finds."""
    rows = []
    for split in report.splits:
        found = split.retrieval
        rows.append(
            {
                "caption": f"{split.name}, all captions",
                "split": split.name,
                "retrieval": str(found.generated.top1),
                "real": found.real.top1.percent,
                "shuffled": found.shuffled.top1.percent,
                "in the best 5": found.generated.top5.percent,
                "clips": str(found.generated.top1.n),
            }
        )
    for split in report.splits:
        rows += [
            {
                "caption": " ".join(score.caption.split()),
                "split": split.name,
                "retrieval": str(score.generated),
                "real": score.real.percent if score.real else "",
                "shuffled": "",
                "in the best 5": "",
                "clips": str(score.generated.n),
            }
            for score in dict.fromkeys((*split.worst, *split.best))
        ]
    return rows


def captioned_videos(evaluation: Evaluation, report: CaptionedReport, *, model_ref: str, origin: str) -> str:
    """Some captions of each split, each with its first video, which Prefect shows moving. Held-out ones come first."""
    lines = [f"## {model_ref}", "", origin]
    for split in sorted(report.splits, key=lambda split: split.name == SEEN_SPLIT):
        found, shown = split.retrieval, evenly_spread(split.shown, CAPTIONS_ON_PAGE)
        lines += [
            "",
            f"### {split.name.capitalize()} captions: {found.generated.top1.percent} found, real clips "
            f"{found.real.top1.percent}",
            "",
        ]
        lines += _video_table([f"{escaped(caption)} {_video(evaluation, caption)}" for caption in shown])
    lines += ["", f"All videos, as MP4 too, are in `{evaluation.videos}`."]
    return "\n".join(lines)


def videos_markdown(evaluation: Evaluation, report: EvaluationReport, *, model_ref: str, origin: str) -> str:
    """The prompts that have videos, each with its score and its video as an inline GIF, which Prefect shows moving.

    The prompts that no training clip shows come first, because they are what people want to see.
    """
    lines = [f"## {model_ref}", "", origin, "", "Each prompt is followed by the share of its clips that are right."]
    for group, heading in HEADINGS.items():
        tiers = report.tiers_of(group)
        if not tiers:
            continue
        cells = [_video_cell(evaluation, tier, scores) for tier in tiers for scores in _shown(report, tier)]
        count, asked = len(cells), sum(len(tier.prompts) for tier in tiers)
        part = "" if count == asked else f" ({count} of {asked} prompts)"
        lines += ["", f"### {heading}{part}", "", *_video_table(cells)]
    lines += ["", f"All videos, as MP4 too, are in `{evaluation.videos}`."]
    return "\n".join(lines)


def _shown(report: EvaluationReport, tier: GroupScores) -> list[GroupScores]:
    shown = set(evenly_spread(tier.prompts, report.config.shown_prompts))
    return [scores for scores in report.prompts_of(tier.name) if scores.name in shown]


def _video_cell(evaluation: Evaluation, tier: GroupScores, scores: GroupScores) -> str:
    return f"{scores.name} ({tier.name}): **{100 * scores.joint.value:.1f} %** {_video(evaluation, scores.name)}"


def _video(evaluation: Evaluation, prompt: str) -> str:
    """The first video of a prompt as Markdown, or nothing if there is none."""
    gif = next(iter(videos_of(evaluation.videos, prompt, "gif")), None)
    return f"![{escaped(prompt)}]({gif_uri(gif)})" if gif else ""


def _video_table(cells: Sequence[str]) -> list[str]:
    """The lines of a Markdown table without headings."""
    rows = [cells[start : start + VIDEOS_PER_ROW] for start in range(0, len(cells), VIDEOS_PER_ROW)]
    return ["| " * VIDEOS_PER_ROW + "|", "| --- " * VIDEOS_PER_ROW + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def origin_markdown(home: Home, run_id: str | None) -> str:
    """A link to the training's run in MLflow, or a sentence that says that there is no run."""
    if run_id is None:
        return "This model comes from a checkpoint that no MLflow run here has made."
    return f"Training: {link_to_mlflow(home, run_id, f'MLflow run {run_id[:8]}')}"


def link_to_mlflow(home: Home, run_id: str, words: str, *, page: str = "") -> str:
    """A Markdown link from Prefect's pages to a run in MLflow.

    It leads to the user's MLflow server, or else to the address at which `flipbook ui` serves MLflow.
    """
    pages = mlflow_pages(home)
    link = run_link(open_store(home).get_run(run_id), words, page=page, server=f"{pages or LOCAL_MLFLOW}/")
    return link if pages else f"{link} (`flipbook ui` opens it)"
