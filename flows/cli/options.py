"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from data.home import Home
    from flows.config.pipeline import PipelineConfig

CHAMPION_REF = "models:/flipbook@champion"

Preset = Annotated[
    str,
    typer.Option(
        "--preset",
        "-p",
        help="full, small, shapes, pairs or tutorial; what follows overrides it.",
        envvar="FLIPBOOK_PRESET",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file with values of your own.", envvar="FLIPBOOK_CONFIG"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="One value, as in --set train.steps=100. Repeatable."),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the training; the same as --set train.seed=N.")]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="REF", help=f"{CHAMPION_REF}, models:/flipbook/3, runs:/RUN_ID/model, or a path."
    ),
]
HomeFolder = Annotated[
    Path | None, typer.Option("--home", help="Folder of all state; the same as FLIPBOOK_HOME. Default: .flipbook")
]


def use_home(home: Path | None) -> None:
    """Make `home` the one that the rest of the process uses, and the servers that run for it, if there are any."""
    from functools import partial

    from flows.servers.client import use_running_servers

    use_running_servers(choose_home(home), say=partial(typer.echo, err=True))


def choose_home(home: Path | None) -> "Home":
    """Make `home` the one that the rest of the process uses."""
    import os

    from data.home import HOME_VARIABLE, Home

    if home is not None:
        os.environ[HOME_VARIABLE] = str(home)
    return Home.from_environment().create()


def configuration(
    preset: str, file: Path | None, overrides: list[str] | None, seed: int | None = None
) -> "PipelineConfig":
    """The configuration that the shared options ask for."""
    from flows.config.overrides import load_config

    options = {} if seed is None else {"train": {"seed": seed}}
    return load_config(preset=preset, file=file, overrides=overrides or (), options=options)
