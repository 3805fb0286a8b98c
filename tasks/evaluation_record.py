"""An evaluation in MLflow: a run of its own below the training, tied to the model, its headline on the version."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.comparison import standing_of
from evaluation.report import EvaluationReport, Scores
from tasks.home import Home
from tasks.lineage import DIGEST_LENGTH, origin_tags
from tasks.mlflow_store import ensure_experiment, mlflow_lock, open_store
from tasks.registry import JOINT_TAG, MODEL_ID_TAG, MODEL_NAME, STANDING_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric

EVALUATION_DIGEST_TAG = "flipbook.evaluation_digest"
EVALUATION_RUN_TAG = "evaluation_run"
DATASET_PREFIX = "flipbook-prompts-"
ARTIFACTS = "evaluation"
SCORES_HEADING = "\n\n## Scores\n\n"


def attach_evaluation(
    home: Home, *, version: int, report: EvaluationReport, folder: Path, evaluation_digest: str
) -> str:
    """Record an evaluation of a registered version.

    A run below the training's run holds the metrics (each tied to the model and to its tier's prompts), the report
    and the videos; the version gets the headline scores as tags and a table of them in its description. An
    evaluation that is recorded already (known by its digest) is not recorded twice.

    Args:
        home: the home directory.
        version: number of the version.
        report: the evaluation.
        folder: its files: report, contact sheet, videos.
        evaluation_digest: hash of all that determines the evaluation.

    Returns:
        The id of the evaluation's run.
    """
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    with mlflow_lock(home):
        found = client.get_model_version(MODEL_NAME, str(version))
        run_id = _finished_run(client, experiment, version=version, digest=evaluation_digest)
        if run_id is None:
            tags = origin_tags("flipbook evaluate") | {
                EVALUATION_DIGEST_TAG: evaluation_digest,
                "flipbook.model_version": str(version),
                "mlflow.parentRunId": found.run_id or "",
            }
            name = f"evaluate-v{version}-{evaluation_digest[:8]}"
            run_id = client.create_run(experiment, run_name=name, tags=tags).info.run_id
            try:
                _fill(client, run_id, report, folder, model_id=found.tags[MODEL_ID_TAG])
            except BaseException:
                client.set_terminated(run_id, status="FAILED")
                raise
            client.set_terminated(run_id, status="FINISHED")
        _mark_version(
            client, version, report, description=found.description or "", experiment=experiment, run_id=run_id
        )
    return run_id


def _finished_run(client: MlflowClient, experiment: str, *, version: int, digest: str) -> str | None:
    """The run that holds this evaluation of this version already."""
    found = client.search_runs(
        [experiment],
        f"tags.`{EVALUATION_DIGEST_TAG}` = '{digest}' and tags.`flipbook.model_version` = '{version}' "
        "and attributes.status = 'FINISHED'",
        max_results=1,
    )
    return found[0].info.run_id if found else None


def _fill(client: MlflowClient, run_id: str, report: EvaluationReport, folder: Path, *, model_id: str) -> None:
    from mlflow.entities import LoggedModelInput

    client.log_inputs(
        run_id,
        datasets=[_tier_dataset(tier.name, tier.prompts) for tier in report.tiers],
        models=[LoggedModelInput(model_id)],
    )
    client.log_batch(run_id, metrics=list(_metrics(report, model_id=model_id)))
    client.log_artifacts(run_id, str(folder), ARTIFACTS)


def _metrics(report: EvaluationReport, *, model_id: str) -> Iterator[Metric]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for tier in report.tiers:
        for name, value in tier_values(tier, report).items():
            yield Metric(
                f"{tier.name}/{name}",
                value,
                now,
                0,
                model_id=model_id,
                dataset_name=DATASET_PREFIX + tier.name,
                dataset_digest=_prompts_digest(tier.prompts),
            )
    if report.frechet is not None:
        for name in ("generated", "floor", "shuffled_frames"):
            yield Metric(f"frechet/{name}", getattr(report.frechet, name), now, 0, model_id=model_id)


def tier_values(tier: Scores, report: EvaluationReport) -> dict[str, float]:
    """A tier's metrics by MLflow's names: shares and cosines from 0 to 1, lengths in px, spreads over the real ones."""
    measures = tier.generated
    values = {
        "joint_exact": measures.joint.value,
        "joint_exact_low": measures.joint.low,
        "joint_exact_high": measures.joint.high,
        "joint_exact_real": tier.real.joint.value,
        "joint_exact_shuffled": tier.shuffled.joint.value,
        "joint_exact_worst_prompt": report.worst(tier.name).joint.value,
        "motion": measures.motion.value,
        "shape": measures.shape.value,
        "permanence": measures.permanence.value,
        "colour": measures.colour.value,
        "shape_iou": measures.shape_iou,
        "rmse_px": measures.rmse,
        "cosine": measures.cosine,
        "smoothness_px": measures.smoothness,
        "diversity_start": tier.diversity.start,
        "diversity_speed": tier.diversity.speed,
        "diversity_size": tier.diversity.size,
        "coverage": tier.diversity.coverage,
    }
    return {name: value for name, value in values.items() if value is not None}


def _tier_dataset(tier: str, prompts: tuple[str, ...]) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=DATASET_PREFIX + tier,
        digest=_prompts_digest(prompts),
        source_type="code",
        source=json.dumps({"tags": {"prompts": list(prompts)}}),
        schema=json.dumps({"mlflow_colspec": [{"name": "prompt", "type": "string", "required": True}]}),
        profile=json.dumps({"prompts": len(prompts)}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])


def _prompts_digest(prompts: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(prompts).encode()).hexdigest()[:DIGEST_LENGTH]


def _mark_version(
    client: MlflowClient, version: int, report: EvaluationReport, *, description: str, experiment: str, run_id: str
) -> None:
    tags = {JOINT_TAG + tier.name: f"{tier.joint.value:.4f}" for tier in report.tiers}
    tags |= {STANDING_TAG: standing_of(report).model_dump_json(), EVALUATION_RUN_TAG: run_id}
    for key, value in tags.items():
        client.set_model_version_tag(MODEL_NAME, str(version), key, value)
    words = description.split(SCORES_HEADING)[0]
    link = f"[Report, videos and metrics](#/experiments/{experiment}/runs/{run_id}/artifacts)"
    client.update_model_version(
        MODEL_NAME, str(version), description=f"{words}{SCORES_HEADING}{_score_table(report)}\n\n{link}\n"
    )


def _score_table(report: EvaluationReport) -> str:
    lines = [
        "| tier | joint exact [95 %] | worst prompt | motion | shape IoU | clips |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for tier in report.tiers:
        measures, worst = tier.generated, report.worst(tier.name)
        lines.append(
            f"| {tier.name} | {measures.joint} | {100 * worst.joint.value:.1f} % ({worst.name}) "
            f"| {100 * measures.motion.value:.1f} % | {measures.shape_iou:.3f} | {measures.joint.n} |"
        )
    return "\n".join(lines)
