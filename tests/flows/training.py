"""A tiny training, deployed to the pool gpu with the automations, and started: python tests/flows/training.py STEPS

Prints the id of its run.
"""

import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.deployments import run_deployment
from prefect.deployments.runner import EntrypointType
from tiny import tiny_config

from flows.automations import ensure_automations
from flows.gpu_slot import GPU_LIMIT
from flows.train import train

if __name__ == "__main__":
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_LIMIT, limit=1))
    ensure_automations()
    module = EntrypointType.MODULE_PATH
    train.to_deployment("train", tags=["flipbook"], work_pool_name="gpu", entrypoint_type=module).apply()
    config = tiny_config(train={"steps": int(sys.argv[1]), "checkpoint_seconds": 0.2})
    parameters = config.model_dump(mode="json", include={"world", "data", "model", "train"})
    print(run_deployment("train/train", parameters=parameters, timeout=0, as_subflow=False).id)
