"""Becomes one of the programs: `python -m flows.servers.launch NAME HOST PREFECT_PORT MLFLOW_PORT`.

supervisord starts every program by this, at first and again after it has died. A server that was killed may have left
a process that holds its port: that one is ended first. Passwords come in the environment (see `access`).
"""

from __future__ import annotations

import os
import sys

from data.home import Home
from flows.servers import access
from flows.servers.addresses import Addresses
from flows.servers.history_lock import HistoryInUseError, claim_alone
from flows.servers.processes import end, started_for
from flows.servers.programs import FOREIGN_VARIABLES, MLFLOW, PREFECT, SERVERS, program, without_foreign
from tracking.store import URI_VARIABLE, backend_uri, ensure_experiment, open_store


def main() -> None:
    """Prepare the program that the arguments name, and become it."""
    name, host, prefect_port, mlflow_port = sys.argv[1:]
    home = Home.from_environment()
    credentials = access.Credentials.from_environment()
    addresses = Addresses(
        host=host, prefect_port=int(prefect_port), mlflow_port=int(mlflow_port), protected=credentials is not None
    )
    if name in SERVERS:
        end([item.process for item in started_for(home, [name])])
    if name == MLFLOW:
        _prepare_mlflow(home, credentials)
    if name == PREFECT:
        try:
            os.set_inheritable(claim_alone(home.prefect), True)  # held by what this process becomes, until its end
        except HistoryInUseError as error:
            sys.exit(str(error))
    chosen = program(name, home, addresses, credentials)
    environment = without_foreign(os.environ) | chosen.settings
    environment.pop(access.PASSWORD_VARIABLE, None)
    os.execve(chosen.command[0], chosen.command, environment)


def _prepare_mlflow(home: Home, credentials: access.Credentials | None) -> None:
    """Make what MLflow's server needs to find.

    The experiment is made here, not by the server's first client: so its artifacts get a place that is read with and
    without a server, and a home goes on working when its servers are down.
    """
    for variable in FOREIGN_VARIABLES:
        os.environ.pop(variable, None)
    os.environ[URI_VARIABLE] = backend_uri(home)
    ensure_experiment(open_store(home), home)
    if credentials is None:
        return
    database = access.users_database(home)
    for leftover in database.parent.glob(f"{database.name}*"):
        leftover.unlink()  # the user and the password are what the environment says now, and nothing else
    content = f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{database}\n"
    access.write_private(access.mlflow_access_file(home), content.replace("%", "%%"))


if __name__ == "__main__":
    main()
