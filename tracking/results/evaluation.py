"""An evaluation in MLflow: a run below the training's run, linked to the model, with its headline on the version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.home import Home
from evaluation.any_report import AnyReport
from evaluation.promotion_rule import HeadlineScores
from tracking.lineage import NOTE_TAG, PARENT_TAG, origin_tags
from tracking.release_note import LINKS, SCORES, STANDING, links, score_table, version_link, with_sections
from tracking.results.measures import Prompts, frechet_values, measures_of
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags
from tracking.versions import (
    CHAMPION,
    EVALUATION_DIGEST_TAG,
    FORMER_CHAMPION,
    MODEL_NAME,
    PROMOTION_TAG,
    STANDING_TAG,
    STEP_TAG,
    model_id_of,
    version_aliases,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric, Run
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

EVALUATION_RUN_TAG = "evaluation_run"
ARTIFACTS = "evaluation"


@dataclass(frozen=True)
class AttachedEvaluation:
    """An evaluation that is recorded in MLflow."""

    run_id: str
    left_out: str
    """Why the version keeps other scores, in a sentence; "" if these are its scores now."""


def attach_evaluation(
    home: Home,
    *,
    version: int,
    report: AnyReport,
    trained_on: str,
    folder: Path,
    evaluation_digest: str,
) -> AttachedEvaluation:
    """Record an evaluation of a registered version.

    * A run below the training's run holds the metrics (each linked to the model and to its tier's prompts), the report
      and the videos.
    * The version gets the headline scores as tags and as a table in its description. The training's run gets them as
      metrics, which MLflow's comparison of versions shows.
    * If the scores replace others, the version's standing says that it was not compared with these scores yet.
    * An evaluation that is recorded already (known by its digest) is not recorded twice. One that was begun is
      completed.

    The champion is chosen by the scores of the versions. So they are only replaced by an evaluation of the model's own
    prompts with at least as many clips. A comparison on a few clips leaves them as they are.

    Args:
        home: the home directory.
        version: number of the version.
        report: the evaluation.
        trained_on: fingerprint of the world, or digest of the data set, that the version's model has learned.
        folder: the evaluation's files: report, contact sheet, videos.
        evaluation_digest: digest of the evaluation.
    """
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    with mlflow_lock(home):
        found = client.get_model_version(MODEL_NAME, str(version))
        known_by = {EVALUATION_DIGEST_TAG: evaluation_digest, "flipbook.model_version": str(version)}
        run = run_with_tags(client, experiment, known_by)
        if run is None:
            tags = origin_tags("flipbook evaluate") | {
                **known_by,
                PARENT_TAG: found.run_id or "",
                NOTE_TAG: f"Scores of {version_link(version)}, its videos and its report (see the artifacts).",
            }
            name = f"evaluate-v{version}-{evaluation_digest[:8]}"
            run = client.create_run(experiment, run_name=name, tags=tags)
        if run.info.status != "FINISHED":
            _fill(client, run, report, folder, model_id=model_id_of(found))
            client.set_terminated(run.info.run_id, status="FINISHED")
        left_out = _why_left_out(found, report, trained_on)
        if not left_out:
            _mark_training(client, found, report, now=run.info.start_time)
            _mark_version(client, found, report, run)
    return AttachedEvaluation(str(run.info.run_id), left_out)


def _why_left_out(found: MlflowVersion, report: AnyReport, trained_on: str) -> str:
    """Why the version does not get these scores, in a sentence; "" if it gets them."""
    standing = HeadlineScores.of(report)
    if standing.scored_on != trained_on:
        return (
            f"The scores of version {found.version} stay as they are: this evaluation is of another world or data set "
            "than the version's own."
        )
    tag = found.tags.get(STANDING_TAG)
    if tag is None:
        return ""
    present = HeadlineScores.model_validate_json(tag)
    if standing.measured_by != present.measured_by:
        return (
            f"The scores of version {found.version} stay as they are: they were measured with other settings of "
            "evaluation.captioned than this evaluation."
        )
    if standing.has_as_many_clips_as(present):
        return ""
    ours, theirs = (
        f"{one.clips[0]:,} clips of seen and {one.clips[1]:,} of {one.held_out_are} prompts"
        for one in (standing, present)
    )
    return (
        f"The scores of version {found.version} stay as they are: they come from {theirs}, this evaluation from {ours}."
    )


def _fill(client: MlflowClient, run: Run, report: AnyReport, folder: Path, *, model_id: str) -> None:
    from mlflow.entities import LoggedModelInput

    run_id = run.info.run_id
    client.log_inputs(
        run_id,
        datasets=[prompts_dataset(group.prompts) for group in measures_of(report)],
        models=[LoggedModelInput(model_id)],
    )
    # The run's own time, so that metrics that are sent twice are the same metrics.
    client.log_batch(run_id, metrics=list(_metrics(report, model_id=model_id, now=run.info.start_time)))
    client.log_artifacts(run_id, str(folder), ARTIFACTS)


def _metrics(report: AnyReport, *, model_id: str, now: int) -> Iterator[Metric]:
    from mlflow.entities import Metric

    for group in measures_of(report):
        for name, value in group.values.items():
            yield Metric(
                f"{group.name}/{name}",
                value,
                now,
                0,
                model_id=model_id,
                dataset_name=group.prompts.name,
                dataset_digest=group.prompts.digest,
            )
    for name, value in frechet_values(report).items():
        yield Metric(f"frechet/{name}", value, now, 0, model_id=model_id)


def prompts_dataset(prompts: Prompts) -> DatasetInput:
    """MLflow's record of the prompts on which a model was scored."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=prompts.name,
        digest=prompts.digest,
        source_type="code",
        source=prompts.source,
        schema=json.dumps({"mlflow_colspec": [{"name": "prompt", "type": "string", "required": True}]}),
        profile=json.dumps({"prompts": prompts.count}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])


def _mark_training(client: MlflowClient, found: MlflowVersion, report: AnyReport, *, now: int) -> None:
    """Log the headline to the training's run, at the step of the checkpoint: MLflow's comparisons look for it there."""
    from mlflow.entities import Metric

    if not found.run_id or client.get_run(found.run_id).info.lifecycle_stage != "active":
        return
    step = int(found.tags.get(STEP_TAG, 0))
    metrics = [
        Metric(f"{group.name}/{name}", value, now, step)
        for group in measures_of(report)
        for name, value in group.headline.items()
    ]
    client.log_batch(found.run_id, metrics=metrics)


def _mark_version(client: MlflowClient, found: MlflowVersion, report: AnyReport, run: Run) -> None:
    """Give the version these scores: as tags, as a table on its page, and in what its standing says."""
    standing = HeadlineScores.of(report).model_dump_json()
    tags = {name: f"{value:.4f}" for name, value in (group.tag for group in measures_of(report))}
    tags[EVALUATION_RUN_TAG] = run.info.run_id
    description = found.description or ""
    sections = {SCORES: score_table(report), LINKS: links(description, run)}
    said = found.tags.get(PROMOTION_TAG, "")
    if found.tags.get(STANDING_TAG) != standing and not said.startswith(FORMER_CHAMPION):
        tags[PROMOTION_TAG] = "not compared with the champion yet"
        if version_aliases(client).get(CHAMPION) == int(found.version):
            tags[PROMOTION_TAG] = "the champion, scored again since its promotion"
        elif said:
            tags[PROMOTION_TAG] = "not compared with the champion since it was scored again"
        sections[STANDING] = f"{tags[PROMOTION_TAG][0].upper()}{tags[PROMOTION_TAG][1:]}."
    client.update_model_version(MODEL_NAME, found.version, description=with_sections(description, sections))
    tags[STANDING_TAG] = standing  # last, so that a call that was interrupted begins again
    for key, value in tags.items():
        client.set_model_version_tag(MODEL_NAME, found.version, key, value)
