"""What a run leaves in Prefect for people: the table of scores, and the videos themselves beside them."""

from __future__ import annotations

import base64
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from evaluation.report import EvaluationReport, Scores
from tasks.caching import MLFLOW_ATTEMPTS, retried
from tasks.evaluate import VIDEOS, gif_of
from tasks.home import Home
from tasks.mlflow_store import TRAINING_VIEW, is_remote, open_store, tracking_uri
from tasks.references import EvaluationReference

SCORES_KEY = "scores"
VIDEOS_KEY = "videos"
LOCAL_MLFLOW = "http://127.0.0.1:5000"  # where `flipbook ui` serves by default


@task(name="publish", cache_policy=NO_CACHE, persist_result=False, **retried(MLFLOW_ATTEMPTS))
def publish_evaluation(
    home: Home, model_ref: str, run_id: str | None, evaluation: EvaluationReference, report: EvaluationReport
) -> None:
    """Makes the flow run's artifacts: `scores`, a table, and `videos`, Markdown that shows every prompt's clips."""
    create_table_artifact(
        score_rows(report), key=SCORES_KEY, description=f"Scores of {model_ref}, with Wilson's 95 % intervals"
    )
    create_markdown_artifact(
        videos_markdown(evaluation.folder, report, model_ref=model_ref, origin=origin_markdown(home, run_id)),
        key=VIDEOS_KEY,
        description=f"Videos of {model_ref}, a row a prompt",
    )


def score_rows(report: EvaluationReport) -> list[dict[str, str]]:
    """A row a tier, then a row a prompt, with what matters most of each."""
    rows = [_score_row(f"{tier.name}, all prompts", tier) for tier in report.tiers]
    return rows + [_score_row(scores.name, scores) for scores in report.prompts]


def _score_row(name: str, scores: Scores) -> dict[str, str]:
    return {
        "prompt": name,
        "joint exact": str(scores.joint),
        "real clips": f"{100 * scores.real.joint.value:.1f} %",
        "shuffled prompts": f"{100 * scores.shuffled.joint.value:.1f} %",
        "motion": f"{100 * scores.generated.motion.value:.1f} %",
        "shape IoU": f"{scores.generated.shape_iou:.3f}",
        "samples": str(scores.joint.n),
    }


def videos_markdown(folder: Path, report: EvaluationReport, *, model_ref: str, origin: str) -> str:
    """Every prompt of the report with its score and its video as an inline GIF: what Prefect's UI can show."""
    lines = [f"## {model_ref}", "", origin, "", "| prompt | tier | joint exact | video |", "| --- | --- | --- | --- |"]
    for tier in report.tiers:
        for scores in report.prompts_of(tier.name):
            gif = gif_of(folder, scores.name)
            video = f"![{scores.name}]({_data_uri(gif)})" if gif else ""
            lines.append(f"| {scores.name} | {tier.name} | {100 * scores.joint.value:.1f} % | {video} |")
    lines += ["", f"All videos, as MP4 too, lie in `{folder / VIDEOS}`."]
    return "\n".join(lines)


def origin_markdown(home: Home, run_id: str | None) -> str:
    """A link to the training's run in MLflow: on the user's server, else where `flipbook ui` opens one."""
    if run_id is None:
        return "This model comes from a checkpoint that no MLflow run here has made."
    uri = tracking_uri(home)
    server = uri.rstrip("/") if is_remote(uri) else LOCAL_MLFLOW
    experiment = open_store(home).get_run(run_id).info.experiment_id
    hint = "" if is_remote(uri) else " (`flipbook ui` opens it)"
    return (
        f"Training: [MLflow run {run_id[:8]}]({server}/#/experiments/{experiment}/runs/{run_id}{TRAINING_VIEW}){hint}"
    )


def _data_uri(gif: Path) -> str:
    return f"data:image/gif;base64,{base64.b64encode(gif.read_bytes()).decode()}"
