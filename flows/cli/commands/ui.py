"""`flipbook ui`: MLflow and Prefect on the results in the home, until Ctrl-C."""

from flows.cli.commands.up import MlflowPort, PrefectPort, serve
from flows.cli.options import HomeFolder, choose_home


def ui(mlflow_port: MlflowPort = 5000, prefect_port: PrefectPort = 4200, home: HomeFolder = None) -> None:
    """Open MLflow and Prefect on these results, on this machine only, until Ctrl-C."""
    from flows.servers.addresses import Addresses

    addresses = Addresses(prefect_port=prefect_port, mlflow_port=mlflow_port)
    serve(choose_home(home), addresses, workers=False, detach=False)
