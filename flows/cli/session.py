"""The surroundings of a flow that runs in this process: a Prefect API, and a terminal that shows what happens."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from data.home import Home
from flows.cli.console import progress_shown
from flows.servers.embedded import prefect_server


@contextmanager
def flow_session(home: Home, *, tracked: bool = True) -> Iterator[Callable[[], None]]:
    """Within the block, flows can run. The server starts in the background while this process loads what it needs:

        with flow_session(home) as wait_for_prefect:
            from flows.pipeline import pipeline

            wait_for_prefect()
            result = pipeline(config)

    `tracked` says that the flow uses MLflow. Raises what `prefect_server` and `open_store` raise.
    """
    # Prefect repeats each failure on the terminal. The command line prints one line, and the server keeps the rest.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with progress_shown() as say:
        say(f"Loading Prefect and MLflow. Home: {home.root}")
        with prefect_server(home, say=say) as api:

            def wait() -> None:
                if tracked:
                    from tracking.store import open_store

                    open_store(home)  # loads MLflow, which takes as long as the server needs to start
                api.wait_until_ready()

            yield wait
