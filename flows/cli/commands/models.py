"""`flipbook models` and `register`: the versions and their scores, and checkpoints that become one."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import HomeFolder, use_home


def models(home: HomeFolder = None) -> None:
    """List the registered versions of the model with their scores, newest first."""
    use_home(home)

    from rich.table import Table

    from data.home import Home
    from flows.cli.summary import output_console
    from tracking.versions import MODEL_NAME, list_versions

    rows = list_versions(Home.from_environment())
    if not rows:
        typer.echo("No model is registered yet: `flipbook run` trains and registers the first.")
        return
    tiers = sorted({tier for row in rows for tier in row.joint})
    table = Table(title="Versions, with the share of videos that do what their prompt says", title_justify="left")
    table.add_column("reference", no_wrap=True)
    table.add_column("alias", style="green")
    table.add_column("trained", no_wrap=True)
    table.add_column("steps", justify="right")
    for tier in tiers:
        table.add_column(tier, justify="right")
    table.add_column("why it is, or is not, the champion", overflow="fold")
    for row in rows:
        table.add_row(
            f"models:/{MODEL_NAME}/{row.version}",
            ", ".join(row.aliases),
            f"{row.created.astimezone():%Y-%m-%d %H:%M}",
            "" if row.step is None else f"{row.step:,}",
            *(f"{row.joint[tier]:.1%}" if tier in row.joint else "" for tier in tiers),
            row.promotion,
        )
    output_console().print(table)


def register(
    path: Annotated[Path, typer.Argument(help="A checkpoint's folder, or the .safetensors file in it.")],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="A sentence on where it comes from, for its page in MLflow.")
    ] = "",
    home: HomeFolder = None,
) -> None:
    """Register a checkpoint that was trained elsewhere as the next version of the model.

    It is verified first, and nothing of it is unpickled. Where servers are up for the home, or PREFECT_API_URL names
    one, an event announces the version.
    """
    use_home(home)

    from data.home import Home
    from flows.cli.summary import home_option, program
    from tasks.announcement import announce_if_new
    from tracking.imported import import_checkpoint

    done = import_checkpoint(Home.from_environment(), path, note=note)
    ref = done.version.ref
    typer.echo(f"Registered as {ref}." if done.new else f"This checkpoint is registered already: {ref}.")
    if announce_if_new(Home.from_environment(), done.version, awaits_evaluation=True):
        typer.echo("An event has announced it to Prefect; automations that wait for it evaluate it.")
    typer.echo(f"Score it: {program()} evaluate --model {ref}{home_option()}")
