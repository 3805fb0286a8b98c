"""A comparison in MLflow: a run of its own, tied to both models, with the page and the differences of each tier."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from data.home import Home
from evaluation.comparison.text import comparison_markdown
from evaluation.comparison.two_models import Comparison
from tracking.contenders import short_name
from tracking.lineage import origin_tags
from tracking.logged_model import DIGEST_TAG
from tracking.model_references import ResolvedModel
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

COMPARISON_DIGEST_TAG = "flipbook.comparison_digest"
PAGE = "comparison.html"


def record_comparison(
    home: Home, comparison: Comparison, *, models: tuple[ResolvedModel, ResolvedModel], page: str
) -> str:
    """Record a comparison: its page as an artifact, its differences (B - A) as metrics, the verdict on the run's page.

    The same pair with the same evaluations is not recorded twice; a record that was begun is completed.

    Args:
        home: the home directory.
        comparison: what is compared.
        models: A and B.
        page: HTML of the page.

    Returns:
        The id of the comparison's run.
    """
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    digest = comparison_digest(comparison, models=models)
    a, b = models
    with mlflow_lock(home):
        run = run_with_tags(client, experiment, {COMPARISON_DIGEST_TAG: digest})
        if run is None:
            tags = origin_tags("flipbook compare") | {
                COMPARISON_DIGEST_TAG: digest,
                "flipbook.model_a": a.ref,
                "flipbook.model_b": b.ref,
                "flipbook.checkpoint_a": a.digest,
                "flipbook.checkpoint_b": b.digest,
                "mlflow.note.content": comparison_markdown(comparison),
            }
            run = client.create_run(experiment, run_name=f"compare-{short_name(a)}-{short_name(b)}", tags=tags)
        if run.info.status != "FINISHED":
            _fill(client, run, comparison, models=models, page=page)
            client.set_terminated(run.info.run_id, status="FINISHED")
    return str(run.info.run_id)


def comparison_digest(comparison: Comparison, *, models: tuple[ResolvedModel, ResolvedModel]) -> str:
    """sha256 (hex) of what a comparison compares: the two models, by version and checkpoint, and their scores."""
    parts = (
        (str(model.version), model.digest, side.report.model_dump_json())
        for model, side in zip(models, (comparison.a, comparison.b), strict=True)
    )
    return hashlib.sha256("\n".join(text for part in parts for text in part).encode()).hexdigest()


def _fill(
    client: MlflowClient, run: Run, comparison: Comparison, *, models: tuple[ResolvedModel, ResolvedModel], page: str
) -> None:
    from mlflow.entities import LoggedModelInput

    logged = [model_id for model in models if (model_id := _model_id(client, run.info.experiment_id, model))]
    if logged:
        client.log_inputs(run.info.run_id, models=[LoggedModelInput(model_id) for model_id in logged])
    # The run's own time: metrics that are sent a second time must be the same, or they would stand there twice.
    client.log_batch(run.info.run_id, metrics=list(_metrics(comparison, now=run.info.start_time)))
    client.log_text(run.info.run_id, page, PAGE)


def _model_id(client: MlflowClient, experiment: str, model: ResolvedModel) -> str | None:
    """The logged model of this checkpoint: its own run's, else the oldest; None where it was never logged."""
    experiments = {experiment}
    if model.run_id is not None:
        experiments.add(client.get_run(model.run_id).info.experiment_id)
    found = client.search_logged_models(sorted(experiments), f"tags.{DIGEST_TAG} = '{model.digest}'")
    ready = [logged for logged in found if str(logged.status) == "READY"]
    first = min(ready, key=lambda one: (one.source_run_id != model.run_id, one.creation_timestamp), default=None)
    return None if first is None else str(first.model_id)


def _metrics(comparison: Comparison, *, now: int) -> Iterator[Metric]:
    from mlflow.entities import Metric

    for name, value in difference_values(comparison).items():
        yield Metric(name, value, now, 0)


def difference_values(comparison: Comparison) -> dict[str, float]:
    """The differences B - A of each tier by MLflow's names: of shares from -1 to 1, with their 95 % intervals."""
    values: dict[str, float] = {}
    for tier in comparison.tiers:
        for difference in tier.differences:
            name = f"{tier.name}/{difference.metric.key}_difference"
            if difference.change is not None:
                values[name] = difference.change
            if difference.interval is not None:
                values[f"{name}_low"], values[f"{name}_high"] = difference.interval
    return values
