"""`flipbook models`: the versions and their scores."""

import typer

from flows.commands.options import HomeFolder, use_home


def models(home: HomeFolder = None) -> None:
    """List the registered versions of the model with their scores, newest first."""
    use_home(home)

    from rich.table import Table

    from flows.summary import output_console
    from tasks.home import Home
    from tasks.registry import MODEL_NAME, list_versions

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
