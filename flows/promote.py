"""The flow that makes an evaluated version the champion, by the rule or against it.

python -m flows.promote models:/flipbook/latest
"""

import sys

from prefect import flow

from data.home import Home
from tasks.register import promote_version
from tracking.model_references import ModelReferenceError, resolve_model
from tracking.promotion import Promotion


@flow(name="promote")
def promote(model: str, even_if_not_better: bool = False) -> Promotion:
    """Gives a version the alias `champion` where it is better than the version that has it.

    Args:
        model: the version, as models:/flipbook/3 or models:/flipbook/latest; it must have been evaluated.
        even_if_not_better: promote it whatever the scores say; the version's page will say that it was done so.
    """
    home = Home.from_environment().create()
    found = resolve_model(home, model)
    if found.version is None:
        raise ModelReferenceError(f"{model} is no registered version. Register it first: flipbook register PATH")
    return promote_version(home, found.version, even_if_not_better=even_if_not_better)


if __name__ == "__main__":
    promote(sys.argv[1])
