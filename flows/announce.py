"""The flow that announces versions without scores: registered on MLflow's pages, or left behind by a run that failed.

python -m flows.announce
"""

from prefect import flow

from data.home import Home
from tasks.register import announce_versions


@flow(name="announce")
def announce() -> list[str]:
    """Emits the event `flipbook.model-version.registered` for every version that has no scores and was not announced in
    the last six hours, so that what waits for the event evaluates it. Run it every few minutes. Returns the references
    of those versions."""
    return [version.ref for version in announce_versions(Home.from_environment().create())]


if __name__ == "__main__":
    announce()
