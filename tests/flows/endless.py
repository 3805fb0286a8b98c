"""A flow that does not end by itself, deployed to the pool cpu and started there: python tests/flows/endless.py

Prints the id of its run.
"""

import time
from pathlib import Path

from prefect import flow
from prefect.deployments import run_deployment


@flow
def endless() -> None:
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    source = flow.from_source(source=Path(__file__).parent, entrypoint="endless.py:endless")
    source.deploy(name="test", work_pool_name="cpu", print_next_steps=False)
    print(run_deployment("endless/test", timeout=0, as_subflow=False).id)
