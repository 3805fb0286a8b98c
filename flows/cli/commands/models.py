"""`flipbook models`, `register` and `promote`: the versions of the model, and which one is the champion."""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import HomeFolder, use_home

SPLITS = ("seen", "validation", "test")


def models(home: HomeFolder = None) -> None:
    """List the registered versions of the model with their scores, newest first."""
    chosen = use_home(home)

    from rich.table import Table

    from data.worlds.tiers import TIERS
    from flows.cli.summary import output_console, program
    from tracking.versions import MODEL_NAME, list_versions

    rows = list_versions(chosen)
    if not rows:
        typer.echo(f"No model is registered yet. `{program()} run` trains and registers the first one.")
        return
    known = {tier for row in rows for tier in row.joint}
    tiers = [tier for tier in TIERS if tier in known]
    splits = [split for split in SPLITS if any(split in row.retrieval for row in rows)]
    table = Table(
        title="Versions, with the share of videos that do what their prompt says",
        caption="Under seen, validation and test: the share of videos whose caption a matcher finds."
        if splits
        else None,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("reference", no_wrap=True)
    table.add_column("alias", style="green")
    table.add_column("trained", no_wrap=True)
    table.add_column("steps", justify="right")
    for name in (*tiers, *splits):
        table.add_column(name, justify="right")
    table.add_column("why it is, or is not, the champion", overflow="fold")
    for row in rows:
        table.add_row(
            f"models:/{MODEL_NAME}/{row.version}",
            ", ".join(row.aliases),
            f"{row.created.astimezone():%Y-%m-%d %H:%M}",
            "" if row.step is None else f"{row.step:,}",
            *(f"{row.joint[tier]:.1%}" if tier in row.joint else "" for tier in tiers),
            *(f"{row.retrieval[split]:.1%}" if split in row.retrieval else "" for split in splits),
            row.promotion,
        )
    output_console().print(table)


def register(
    path: Annotated[Path, typer.Argument(help="Folder of a checkpoint, or the .safetensors file in it.")],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="Where it comes from, for its page in MLflow.")
    ] = "",
    home: HomeFolder = None,
) -> None:
    """Register a checkpoint that was trained elsewhere as the next version of the model.

    The checkpoint is verified first, and nothing in it is unpickled. If servers run for the home, or if
    PREFECT_API_URL names one, the version is evaluated there.
    """
    chosen = use_home(home)

    from flows.cli.summary import home_option, program
    from tracking.importing import import_checkpoint

    version, new = import_checkpoint(chosen, path, note=note)
    ref = version.ref
    typer.echo(f"Registered as {ref}." if new else f"This checkpoint is already registered: {ref}.")
    if os.environ.get("PREFECT_API_URL"):
        from flows.evaluate_new import start_evaluation

        if start_evaluation(version):
            typer.echo("Its evaluation was started on the Prefect server.")
            return
    typer.echo(f"Score it: {program()} evaluate --model {ref}{home_option()}")


def promote(
    model: Annotated[str, typer.Argument(metavar="REF", help="The version, as models:/flipbook/3.")],
    even_if_not_better: Annotated[
        bool, typer.Option("--even-if-not-better", help="Whatever the scores say. The version's page will say so.")
    ] = False,
    home: HomeFolder = None,
) -> None:
    """Make a version the champion if it is better than the present one. It must have been evaluated.

    Models of different worlds or data sets cannot be compared: then --even-if-not-better makes the choice yours.
    """
    chosen = use_home(home)

    from tracking.model_reference import ModelReferenceError, resolve_model
    from tracking.promotion import NotPromotedError
    from tracking.promotion import promote as promote_version

    found = resolve_model(chosen, model)
    if found.version is None:
        raise ModelReferenceError(f"{model} is no registered version. `flipbook register PATH` makes it one.")
    outcome = promote_version(chosen, found.version, even_if_not_better=even_if_not_better)
    if not outcome.promoted:
        raise NotPromotedError(f"models:/flipbook/{found.version} was {outcome.why}.")
    typer.echo(f"models:/flipbook/{found.version} is the champion: {outcome.why}.")
