"""Becomes one of the programs: `python -P -m flows.servers.launch NAME PREFECT_PORT MLFLOW_PORT`.

supervisord starts every program with this, and again after the program has died. A killed server may have left a child
that still holds its port. That child is ended first.
"""

from __future__ import annotations

import os
import sys

from data.home import Home
from flows.servers.addresses import Addresses
from flows.servers.environment import child_environment
from flows.servers.processes import end, started_for
from flows.servers.programs import MLFLOW, SERVERS, program
from tracking.store import URI_VARIABLE, backend_uri, ensure_experiment, open_store


def main() -> None:
    """Prepare the program that the arguments name, and become it."""
    name, prefect_port, mlflow_port = sys.argv[1:]
    home = Home.from_environment()
    if name in SERVERS:
        end([item.process for item in started_for(home, [name])])
    chosen = program(name, home, Addresses(prefect_port=int(prefect_port), mlflow_port=int(mlflow_port)))
    if name == MLFLOW:  # the same experiment with and without a server
        os.environ[URI_VARIABLE] = backend_uri(home)
        ensure_experiment(open_store(home), home)
    os.execve(chosen.command[0], chosen.command, child_environment(home, chosen.settings))


if __name__ == "__main__":
    main()
