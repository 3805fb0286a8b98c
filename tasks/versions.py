"""Tasks on the versions of the model: the functions of `tracking`, retried while MLflow does not answer.

They keep no results. MLflow is asked each time, and asking twice changes nothing.
"""

from __future__ import annotations

from typing import cast

from prefect import task
from prefect.logging import get_run_logger
from prefect.states import Completed

import tracking.results.evaluation
from data.home import Home
from tasks.retrying import MLFLOW_ATTEMPTS, retried
from tracking import promotion, versions
from tracking.model_reference import resolve_model
from tracking.promotion import Promotion

NOT_PROMOTED = "NotPromoted"

find_model = task(name="find-model", **retried(MLFLOW_ATTEMPTS))(resolve_model)
register_version = task(name="register", **retried(MLFLOW_ATTEMPTS))(versions.register_version)
attach_evaluation = task(name="attach-evaluation", **retried(MLFLOW_ATTEMPTS))(
    tracking.results.evaluation.attach_evaluation
)


@task(name="promote", **retried(MLFLOW_ATTEMPTS))
def promote_version(home: Home, version: int, *, even_if_not_better: bool = False) -> Promotion:
    """Make the version the champion if its scores are better than the champion's.

    If they are not, the task run's state is named NotPromoted and says why, so that it does not look like a success.

    Raises:
        PromotionError: the version has no scores.
    """
    outcome = promotion.promote(home, version, even_if_not_better=even_if_not_better)
    get_run_logger().info(outcome.why)
    if outcome.promoted:
        return outcome
    return cast(Promotion, Completed(name=NOT_PROMOTED, message=outcome.why, data=outcome))
