"""The flow that frees disk space: data sets, trainings and so on that no registered version needs.

python -m flows.clean            lists them; --really deletes them
"""

import sys
from typing import Annotated

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger
from pydantic import Field

from data.home import Home
from tasks.clean import Leftover, delete_leftovers, find_leftovers


@flow(name="clean")
def clean(days: Annotated[float, Field(ge=1)] = 30, really: bool = False, imported: bool = False) -> list[Leftover]:
    """Delete what is only a cache and was not written to for some time. A run that needs it makes it again.

    Args:
        days: age from which a folder may be deleted, in days since anything in it was written; 1 or more.
        really: delete the folders. Off: only list them.
        imported: data sets of your own clips, too. They can be made again only if you still have the videos.
    """
    leftovers = find_leftovers(Home.from_environment().create(), days, imported=imported)
    rows = [
        {"what": item.kind, "size": f"{item.bytes / 1e6:,.1f} MB", "days": f"{item.days:.0f}", "where": str(item.path)}
        for item in leftovers
    ]
    total = sum(item.bytes for item in leftovers) / 1e6
    state = "deleted" if really else "that could be deleted"
    create_table_artifact(rows, key="leftovers", description=f"{len(rows)} folders {state}, {total:,.1f} MB")
    get_run_logger().info("%d folders %s, %.1f MB", len(rows), state, total)
    if really:
        delete_leftovers(leftovers)
    return leftovers


if __name__ == "__main__":
    clean(really="--really" in sys.argv[1:])
