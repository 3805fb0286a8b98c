"""Two models that a user has named, as a comparison shows them: what the checkpoint and MLflow know of each."""

from __future__ import annotations

from pathlib import Path

from data.home import Home
from evaluation.comparison.two_models import ComparedModel, ComparisonError, check_same_world
from evaluation.report import EvaluationReport
from models.checkpoint import CheckpointInfo, read_info
from tracking.lineage import flat_params
from tracking.model_references import ResolvedModel, resolve_model
from tracking.store import open_store
from tracking.versions import CHAMPION, FORMER_CHAMPION, MODEL_NAME, list_versions


def resolve_pair(home: Home, a: str, b: str) -> tuple[ResolvedModel, ResolvedModel]:
    """The models that `a` and `b` name, once it is sure that they can be compared.

    Raises:
        ComparisonError: both names lead to one model, or the models are of different worlds.
        tracking.model_references.ModelReferenceError: a name leads to no model.
        models.checkpoint.CheckpointError: a path leads to no checkpoint, or to a damaged one.
    """
    found_a, found_b = resolve_model(home, a), resolve_model(home, b)
    if found_a.digest == found_b.digest:
        raise ComparisonError(
            f"{a} and {b} are the same model, the checkpoint {found_a.digest[:12]}. Name two different ones."
        )
    check_same_world(read_info(found_a.checkpoint).world, read_info(found_b.checkpoint).world)
    return found_a, found_b


def opponent_of(home: Home, ref: str) -> str | None:
    """Whom to compare a model with where nobody has said it: the champion; if it is the champion itself, the one before
    it; else the newest other version. None where there is no other version."""
    found = resolve_model(home, ref)
    others = [row for row in list_versions(home) if row.digest != found.digest]
    followed = f"{FORMER_CHAMPION} {found.version}:"
    return next(
        (
            f"models:/{MODEL_NAME}/{row.version}"
            for wanted in (
                lambda row: CHAMPION in row.aliases,
                lambda row: row.promotion.startswith(followed),
                lambda row: True,
            )
            for row in others
            if wanted(row)
        ),
        None,
    )


def short_name(model: ResolvedModel) -> str:
    """A name for files and runs: "v3" for a version, else the head of the checkpoint's digest."""
    return model.digest[:8] if model.version is None else f"v{model.version}"


def contender(home: Home, model: ResolvedModel, *, report: EvaluationReport, videos: Path) -> ComparedModel:
    """The model with its evaluation, and all that is known of it.

    Args:
        home: the home directory.
        model: the model.
        report: its evaluation.
        videos: folder of that evaluation's videos.
    """
    info = read_info(model.checkpoint)
    params = _params(home, model, info)
    facts = {
        "Model": model.ref,
        "Checkpoint": model.digest[:16],
        "Training steps": f"{info.step:,}",
        "Seed": params.get("train.seed", "unknown"),
        "Data set": info.dataset_digest[:16],
        "Training run": model.run_id or "unknown",
    }
    return ComparedModel(
        name=f"checkpoint {model.digest[:8]}" if model.version is None else f"version {model.version}",
        report=report,
        videos=videos,
        facts=facts | _standing(home, model),
        params=params,
    )


def _params(home: Home, model: ResolvedModel, info: CheckpointInfo) -> dict[str, str]:
    """The configuration of the training: all of it where its run is known, else what the checkpoint holds."""
    known = flat_params({"world": info.world, "model": info.model})
    if model.run_id is None:
        return known
    return known | dict(open_store(home).get_run(model.run_id).data.params)


def _standing(home: Home, model: ResolvedModel) -> dict[str, str]:
    """What the registry says of the model: its aliases, and why it is, or is not, the champion."""
    row = next((row for row in list_versions(home) if row.version == model.version), None)
    if row is None:
        return {"Alias": "not registered"}
    return {
        "Alias": ", ".join(row.aliases) or "none",
        "Standing": row.promotion or "not compared with the champion yet",
    }
