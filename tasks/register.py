"""Tasks on the model registry. They keep no results: MLflow is what they ask, and asking twice changes nothing."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.report.report import EvaluationReport
from models.checkpoint import INFO_FILE, WEIGHTS_FILE, read_info
from tasks.announcement import announce_if_new, announce_unscored
from tasks.cache.policy import MLFLOW_ATTEMPTS, retried
from tasks.cache.references import CheckpointReference, EvaluationReference, references_to
from tracking.model_references import ResolvedModel, resolve_model
from tracking.promotion import Promotion, promote_by_standing
from tracking.results.evaluation import AttachedEvaluation, attach_evaluation
from tracking.store import open_store
from tracking.versions import ModelVersion, register_version

ON_MLFLOW: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, **retried(MLFLOW_ATTEMPTS)}
"""Options of a task that needs nothing but MLflow, and looks what is there before it changes anything."""


@task(name="register", **ON_MLFLOW)
def register_checkpoint(home: Home, checkpoint: CheckpointReference, *, awaits_evaluation: bool = True) -> ModelVersion:
    """The version of the registered model that holds `checkpoint`; a new one, which an event announces, where there is
    none yet. The event says whether the version `awaits_evaluation` or is about to be evaluated by the caller.

    Raises ValueError for a checkpoint that no training run of this home has made.
    """
    if checkpoint.run_id is None:
        raise ValueError(f"{checkpoint.folder} comes from no MLflow run; `flipbook register` registers it")
    version = register_version(home, run_id=checkpoint.run_id, checkpoint=checkpoint.folder, digest=checkpoint.digest)
    announce_if_new(home, version, awaits_evaluation=awaits_evaluation)
    return version


@task(name="announce", **ON_MLFLOW)
def announce_versions(home: Home) -> list[ModelVersion]:
    """Announces the versions without scores that were not announced lately, such as those of MLflow's pages."""
    return announce_unscored(home)


@task(name="find-model", **ON_MLFLOW)
def find_model(home: Home, ref: str) -> ResolvedModel:
    """The checkpoint that `ref` names. Raises ModelReferenceError where there is none."""
    return resolve_model(home, ref)


@task(name="attach-evaluation", **ON_MLFLOW)
def attach_to_version(
    home: Home, version: int, evaluation: EvaluationReference, report: EvaluationReport, own_world: WorldConfig
) -> AttachedEvaluation:
    """Records scores, videos and report below the registered version's training, and marks the version with them,
    unless they tell less of it than the scores that it has; the log says so then. `own_world` is that of its model."""
    attached = attach_evaluation(
        home,
        version=version,
        report=report,
        own_world=own_world,
        folder=evaluation.folder,
        evaluation_digest=evaluation.digest,
    )
    if attached.left_out:
        get_run_logger().info(attached.left_out)
    return attached


@task(name="promote", **ON_MLFLOW)
def promote_version(home: Home, version: int, *, even_if_not_better: bool = False) -> Promotion:
    """Makes the version the champion where its scores are better than those of the one that is, and says why.

    Raises PromotionError where it has no scores.
    """
    return promote_by_standing(home, version=version, even_if_not_better=even_if_not_better)


@task(name="look-up-run", **ON_MLFLOW)
def run_is_known(home: Home, checkpoint: CheckpointReference) -> bool:
    """Whether MLflow still has the run that made `checkpoint`: its store may have been emptied or changed since."""
    from mlflow.exceptions import MlflowException

    if checkpoint.run_id is None:
        return False
    try:
        return str(open_store(home).get_run(checkpoint.run_id).info.lifecycle_stage) == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def checkpoint_of(model: ResolvedModel) -> tuple[CheckpointReference, WorldConfig]:
    """A reference to the checkpoint of a model that a user has named, and the world that it was trained for."""
    files = references_to(model.checkpoint / name for name in (INFO_FILE, WEIGHTS_FILE))
    reference = CheckpointReference(folder=model.checkpoint, digest=model.digest, run_id=model.run_id, files=files)
    return reference, read_info(model.checkpoint).world
