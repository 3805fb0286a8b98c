"""Tasks on the model registry. They keep no results: MLflow is what they ask, and asking twice changes nothing."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.world import WorldConfig
from evaluation.report import EvaluationReport
from models.checkpoint import INFO_FILE, WEIGHTS_FILE, read_info
from tasks.caching import retried
from tasks.evaluation_record import attach_evaluation
from tasks.home import Home
from tasks.mlflow_store import open_store
from tasks.model_references import ResolvedModel
from tasks.promotion import Promotion, promote_by_standing, promote_if_better
from tasks.references import CheckpointReference, EvaluationReference, references_to
from tasks.registry import ModelVersion, register_version


@task(name="register", cache_policy=NO_CACHE, persist_result=False, **retried())
def register_checkpoint(home: Home, checkpoint: CheckpointReference) -> ModelVersion:
    """The version of the registered model that holds `checkpoint`; a new one where there is none yet.

    Raises ValueError for a checkpoint that no training run of this home has made.
    """
    if checkpoint.run_id is None:
        raise ValueError(f"{checkpoint.folder} comes from no MLflow run, so it cannot be registered")
    return register_version(home, run_id=checkpoint.run_id, checkpoint=checkpoint.folder, digest=checkpoint.digest)


@task(name="attach-evaluation", cache_policy=NO_CACHE, persist_result=False, **retried())
def attach_to_version(home: Home, version: int, evaluation: EvaluationReference, report: EvaluationReport) -> str:
    """Puts scores, videos and report on the registered version. Returns the id of the MLflow run that holds them."""
    return attach_evaluation(
        home, version=version, report=report, folder=evaluation.folder, evaluation_digest=evaluation.digest
    )


@task(name="promote", cache_policy=NO_CACHE, persist_result=False, **retried())
def promote_version(home: Home, version: int, report: EvaluationReport) -> Promotion:
    """Makes the version the champion where it is better than the one that is, and says why."""
    return promote_if_better(home, version=version, report=report)


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


@task(name="promote-evaluated", cache_policy=NO_CACHE, persist_result=False, **retried())
def promote_evaluated(home: Home, version: int, even_if_not_better: bool) -> Promotion:
    """Makes a version the champion by the scores that it has, or whatever they are."""
    return promote_by_standing(home, version=version, even_if_not_better=even_if_not_better)
