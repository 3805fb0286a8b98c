"""The flow that starts `evaluate` for versions without scores, however they were registered.

python -m flows.evaluate_new
"""

import time

from prefect import flow
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger

from data.home import Home
from tracking.versions import ModelVersion, unscored_versions

DEPLOYMENT = "evaluate/evaluate"
PATIENCE_SECONDS = 6 * 3600
"""How long an evaluation may take or fail, before another one is started for a version that still has no scores."""


@flow(name="evaluate-new")
def evaluate_new() -> list[str]:
    """Start the deployment `evaluate` for each version that has no scores, and return their references.

    Such versions were registered in MLflow itself or without a Prefect server, or their evaluation has failed. Run
    this flow every few minutes: it starts one evaluation per version within six hours.
    """
    waiting = unscored_versions(Home.from_environment().create())
    return [version.ref for version in waiting if start_evaluation(version)]


def start_evaluation(version: ModelVersion) -> bool:
    """Start the deployment `evaluate` for `version` on the Prefect server of this process, and do not wait for it.

    Within six hours at most one evaluation is started per version, however often this is called. Returns whether the
    server has the deployment.
    """
    period = int(time.time() // PATIENCE_SECONDS)
    key = f"evaluate {version.ref} {version.run_id} {period}"
    try:
        run_deployment(DEPLOYMENT, parameters={"model": version.ref}, timeout=0, idempotency_key=key)
    except ObjectNotFound:
        get_logger("flipbook").info("The server has no deployment %s; %s is not evaluated.", DEPLOYMENT, version.ref)
        return False
    return True


if __name__ == "__main__":
    evaluate_new()
