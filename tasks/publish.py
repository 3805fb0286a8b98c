"""What an evaluation leaves in Prefect for people: the table of scores, and the videos beside their scores."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from data.home import Home
from data.selection import evenly_spread
from data.worlds.tiers import GROUPS
from evaluation.pictures.video_files import gif_uri, videos_of
from evaluation.report import EvaluationReport, GroupScores
from tasks.evaluate import Evaluation
from tasks.retrying import MLFLOW_ATTEMPTS, retried
from tracking.release_note import run_link
from tracking.store import mlflow_pages, open_store

SCORES_KEY = "scores"
VIDEOS_KEY = "videos"
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
    create_table_artifact(
        score_rows(report),
        key=SCORES_KEY,
        description=f"Scores of {model_ref}, with Wilson's 95 % intervals. real: the scores of real clips, which a "
        "perfect model reaches. shuffled: the scores against wrong prompts",
    )
    create_markdown_artifact(
        videos_markdown(evaluation, report, model_ref=model_ref, origin=origin_markdown(home, run_id)),
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
        lines += ["", f"### {heading}{part}", "", "| " * VIDEOS_PER_ROW + "|", "| --- " * VIDEOS_PER_ROW + "|"]
        for start in range(0, len(cells), VIDEOS_PER_ROW):
            lines.append(f"| {' | '.join(cells[start : start + VIDEOS_PER_ROW])} |")
    lines += ["", f"All videos, as MP4 too, are in `{evaluation.videos}`."]
    return "\n".join(lines)


def _shown(report: EvaluationReport, tier: GroupScores) -> list[GroupScores]:
    shown = set(evenly_spread(tier.prompts, report.config.shown_prompts))
    return [scores for scores in report.prompts_of(tier.name) if scores.name in shown]


def _video_cell(evaluation: Evaluation, tier: GroupScores, scores: GroupScores) -> str:
    gif = next(iter(videos_of(evaluation.videos, scores.name, "gif")), None)
    video = f"![{scores.name}]({gif_uri(gif)})" if gif else ""
    return f"{scores.name} ({tier.name}): **{100 * scores.joint.value:.1f} %** {video}"


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
