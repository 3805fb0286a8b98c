"""`flipbook up`, `ui`, `down` and `status`: servers and workers, kept running by supervisord."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import HomeFolder, choose_home

if TYPE_CHECKING:
    from data.home import Home
    from flows.servers.addresses import Addresses

PrefectPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of Prefect.")]
MlflowPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of MLflow.")]


def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything runs. `flipbook down` stops it.")
    ] = False,
    prefect_port: PrefectPort = 4200,
    mlflow_port: MlflowPort = 5000,
    home: HomeFolder = None,
) -> None:
    """Start Prefect with all deployments, MLflow, a cpu worker and a gpu worker, and keep them running."""
    from flows.servers.addresses import Addresses

    addresses = Addresses(prefect_port=prefect_port, mlflow_port=mlflow_port)
    serve(choose_home(home), addresses, workers=True, detach=detach)


def ui(mlflow_port: MlflowPort = 5000, prefect_port: PrefectPort = 4200, home: HomeFolder = None) -> None:
    """Open the results of the home in MLflow and Prefect, on this machine only, until Ctrl-C."""
    from flows.servers.addresses import Addresses

    addresses = Addresses(prefect_port=prefect_port, mlflow_port=mlflow_port)
    serve(choose_home(home), addresses, workers=False, detach=False)


def down(home: HomeFolder = None) -> None:
    """Stop everything that `flipbook up` or `flipbook ui` has started for the home."""
    from flows.servers.lifecycle import stop, uninterrupted

    chosen = choose_home(home)
    with uninterrupted():
        stopped = stop(chosen)
    typer.echo("Stopped." if stopped else f"Nothing is up for {chosen.root}.")


def status(home: HomeFolder = None) -> None:
    """Show what `flipbook up` keeps running. The exit code is 1 if a program should run and does not."""
    from rich.table import Table

    from flows.cli.summary import output_console
    from flows.servers.lifecycle import running_addresses
    from flows.servers.processes import started_for
    from flows.servers.supervisor import Supervisor

    chosen = choose_home(home)
    supervisor = Supervisor(chosen)
    if not supervisor.is_running():
        left = started_for(chosen)
        if not left and not supervisor.was_killed():
            typer.echo(f"Nothing is up for {chosen.root}.")
            return
        listed = "".join(f", {item.program} still has process {item.process.pid}" for item in left)
        typer.echo(f"supervisord was killed{listed}. `flipbook down` cleans up. Its log: {supervisor.log}")
        raise typer.Exit(1)
    states = supervisor.states()
    table = Table()
    for column in ("program", "state", "pid", "uptime", "log"):
        table.add_column(column, no_wrap=True, justify="right" if column in ("pid", "uptime") else "left")
    for state in states:
        table.add_row(state.name, state.state, str(state.pid or ""), state.since, str(state.log))
    output_console().print(table)
    if addresses := running_addresses(chosen):
        _print_addresses(addresses)
    if not all(state.state == "RUNNING" for state in states):
        raise typer.Exit(1)


def serve(home: "Home", addresses: "Addresses", *, workers: bool, detach: bool) -> None:
    """Start the servers of `home`, with or without workers. Stay until they are stopped, unless `detach` is set.

    If they run already, only print where. Raises what `flows.servers.lifecycle.bring_up` raises.
    """
    from flows.servers.lifecycle import SETUP, bring_up, interrupted_by_signals, running_addresses, starting

    with interrupted_by_signals():
        try:
            with starting(home):
                found = running_addresses(home)
                if found is not None:
                    return _already_up(home, found, workers=workers)
                bring_up(home, addresses, setup=SETUP if workers else None, say=typer.echo)
            _print_addresses(addresses)
            if not detach:
                _stay(home)
        except KeyboardInterrupt:  # the normal way to end this command
            typer.echo("\nStopped.")


def _stay(home: "Home") -> None:
    from flows.servers.lifecycle import stop, uninterrupted, watch

    typer.echo("Ctrl-C stops everything.")
    try:
        watch(home, typer.echo)
        typer.echo("Stopped.")
    finally:
        with uninterrupted():
            stop(home)


def _already_up(home: "Home", addresses: "Addresses", *, workers: bool) -> None:
    from flows.servers.lifecycle import ServiceError
    from flows.servers.supervisor import Supervisor

    if workers and not any(state.name.startswith("worker") for state in Supervisor(home).states()):
        raise ServiceError(
            f"`flipbook ui` serves {home.root}, without workers. End it with Ctrl-C there or with "
            "`flipbook down`, and run the same command again."
        )
    typer.echo(f"Already up for {home.root}:")
    _print_addresses(addresses)


def _print_addresses(addresses: "Addresses") -> None:
    typer.echo(f"  Prefect  {addresses.prefect}")
    typer.echo(f"  MLflow   {addresses.mlflow}")
