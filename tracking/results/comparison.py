"""A comparison of two models: who is compared with whom, what is known of each, and the run that MLflow keeps of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from data.home import Home
from data.subject import described
from evaluation.comparison.text import comparison_markdown
from evaluation.comparison.two_models import ComparedModel, Comparison, ComparisonError, check_same_subject
from evaluation.report import EvaluationReport
from models.checkpoint import read_info
from tracking.lineage import NOTE_TAG, flat_params, origin_tags
from tracking.logged_model import DIGEST_TAG
from tracking.model_reference import ResolvedModel, resolve_model
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags
from tracking.versions import CHAMPION, FORMER_CHAMPION, ModelVersion, list_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient

COMPARISON_DIGEST_TAG = "flipbook.comparison_digest"
PAGE = "comparison.html"

Pair = tuple[ResolvedModel, ResolvedModel]


def resolve_pair(home: Home, a: str, b: str | ResolvedModel) -> Pair:
    """The models that `a` and `b` name, if they can be compared.

    Raises:
        ComparisonError: both names lead to one model, or the models are of different worlds.
        tracking.model_reference.ModelReferenceError: a name leads to no model.
        models.checkpoint.CheckpointError: a path leads to no checkpoint, or to a damaged one.
    """
    model_a, model_b = resolve_model(home, a), b if isinstance(b, ResolvedModel) else resolve_model(home, b)
    if model_a.digest == model_b.digest:
        raise ComparisonError(
            f"{a} and {model_b.ref} are the same checkpoint, {model_a.digest[:12]}. Name two different models."
        )
    check_same_subject(read_info(model_a.checkpoint).subject, read_info(model_b.checkpoint).subject)
    return model_a, model_b


def opponent_of(home: Home, model: ResolvedModel) -> str | None:
    """The version that `model` is compared with by default, or None if there is no other version.

    It is the champion. For the champion itself it is the champion before it. Otherwise it is the newest other version.
    """

    def rank(other: ModelVersion) -> int:
        return 2 * (CHAMPION in other.aliases) + other.promotion.startswith(f"{FORMER_CHAMPION} {model.version}:")

    others = [version for version in list_versions(home) if version.digest not in ("", model.digest)]
    best = max(others, key=rank, default=None)  # of equal rank, the first: the newest
    return None if best is None else best.ref


def compared_model(home: Home, model: ResolvedModel, *, report: EvaluationReport, videos: Path) -> ComparedModel:
    """`model` with its evaluation, whose videos are in the folder `videos`, and with what MLflow knows of it."""
    info = read_info(model.checkpoint)
    params = flat_params(described(info.subject) | {"model": info.model})
    if model.run_id is not None:
        params |= open_store(home).get_run(model.run_id).data.params
    version = next((one for one in list_versions(home) if one.version == model.version), None)
    facts = {
        "Model": model.ref,
        "Checkpoint": model.digest[:16],
        "Training steps": f"{info.step:,}",
        "Seed": params.get("train.seed", "unknown"),
        "Data set": info.dataset_digest[:16],
        "Training run": model.run_id or "unknown",
        "Alias": "not registered" if version is None else ", ".join(version.aliases) or "none",
    }
    if version is not None:
        facts["Standing"] = version.promotion or "not compared with the champion yet"
    return ComparedModel(
        name=f"checkpoint {model.digest[:8]}" if model.version is None else f"version {model.version}",
        report=report,
        videos=videos,
        facts=facts,
        params=params,
    )


def record_comparison(home: Home, comparison: Comparison, *, models: Pair, page: str) -> str:
    """Record a comparison: its page as an artifact, its differences (B - A) as metrics, the verdict on the run's page.

    The same pair with the same evaluations is not recorded twice. A record that was begun is completed.

    Args:
        home: the home directory.
        comparison: the comparison.
        models: A and B.
        page: HTML of the page.

    Returns:
        The id of the comparison's run.
    """
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    digest = _digest(comparison, models)
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
                NOTE_TAG: comparison_markdown(comparison),
            }
            run = client.create_run(experiment, run_name=f"compare-{a.short_name}-{b.short_name}", tags=tags)
        run_id = str(run.info.run_id)
        if run.info.status != "FINISHED":
            _link_models(client, run_id, experiment, models)
            _log_differences(client, run_id, comparison, now=run.info.start_time)
            client.log_text(run_id, page, PAGE)
            client.set_terminated(run_id, status="FINISHED")
    return run_id


def _digest(comparison: Comparison, models: Pair) -> str:
    """sha256 (hex) of the two models, by version and checkpoint, and of their scores."""
    parts = (
        (str(model.version), model.digest, side.report.model_dump_json())
        for model, side in zip(models, (comparison.a, comparison.b), strict=True)
    )
    return hashlib.sha256("\n".join(text for part in parts for text in part).encode()).hexdigest()


def _link_models(client: MlflowClient, run_id: str, experiment: str, models: Pair) -> None:
    """Make the logged models of both checkpoints inputs of the run, if they were logged."""
    from mlflow.entities import LoggedModelInput

    inputs = []
    for model in models:
        experiments = {experiment}
        if model.run_id is not None:
            experiments.add(client.get_run(model.run_id).info.experiment_id)
        found = client.search_logged_models(sorted(experiments), f"tags.{DIGEST_TAG} = '{model.digest}'")
        ready = [logged for logged in found if str(logged.status) == "READY"]
        if ready:
            first = min(ready, key=lambda one: (one.source_run_id != model.run_id, one.creation_timestamp))
            inputs.append(LoggedModelInput(first.model_id))
    if inputs:
        client.log_inputs(run_id, models=inputs)


def _log_differences(client: MlflowClient, run_id: str, comparison: Comparison, *, now: int) -> None:
    """Log the differences B - A of each tier, with the 95 % intervals of shares.

    `now` is the run's own time, so that metrics that are sent twice are the same metrics.
    """
    from mlflow.entities import Metric

    values: dict[str, float] = {}
    for tier in comparison.tiers:
        for difference in tier.differences:
            name = f"{tier.name}/{difference.metric.key}_difference"
            if difference.change is not None:
                values[name] = difference.change
            if difference.interval is not None:
                values[f"{name}_low"], values[f"{name}_high"] = difference.interval
    client.log_batch(run_id, metrics=[Metric(name, value, now, 0) for name, value in values.items()])
