"""The flow that makes an evaluated version the champion, by the rule or against it.

python -m flows.promote models:/flipbook/latest
"""

import sys
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from data.home import Home
from tasks.versions import find_model, promote_version
from tracking.model_reference import ModelReferenceError


@flow(name="promote")
def promote(model: str, even_if_not_better: bool = False) -> State[Any]:
    """Give a version the alias `champion` if it is better than the version that has it.

    If it is not better, the run's state is named NotPromoted and says why.

    Args:
        model: the version, as models:/flipbook/3 or models:/flipbook/latest. It must have been evaluated.
        even_if_not_better: promote it whatever the scores say. The version's page will say so.
    """
    home = Home.from_environment().create()
    found = find_model(home, model)
    if found.version is None:
        raise ModelReferenceError(f"{model} is no registered version. Register it first: flipbook register PATH")
    return promote_version(home, found.version, even_if_not_better=even_if_not_better, return_state=True)


if __name__ == "__main__":
    promote(sys.argv[1])
