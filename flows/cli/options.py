"""Options that several commands share, and what they mean."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.config.presets import PRESETS

if TYPE_CHECKING:
    from data.home import Home
    from flows.config.pipeline import PipelineConfig

CHAMPION_REF = "models:/flipbook@champion"
REF_FORMS = f"{CHAMPION_REF}, models:/flipbook/3, runs:/RUN_ID/model, or the path of a checkpoint."

Preset = Annotated[
    str,
    typer.Option(
        "--preset",
        "-p",
        help=f"{', '.join(PRESETS)}. The options below override single values of it.",
        envvar="FLIPBOOK_PRESET",
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        "-d",
        metavar="FOLDER",
        help="Your own clips: the folder that `import` has made, or the beginning of its digest.",
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
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the training. Same as --set train.seed=N.")]
Model = Annotated[str, typer.Option("--model", "-m", metavar="REF", help=REF_FORMS)]
HomeFolder = Annotated[
    Path | None, typer.Option("--home", help="Folder of all state. Same as FLIPBOOK_HOME. Default: .flipbook")
]


def configuration(
    preset: str,
    file: Path | None,
    overrides: list[str] | None,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
) -> "PipelineConfig":
    """The configuration that the shared options ask for, and the command's own `options`. Raises ConfigError."""
    from flows.config.layers import load_config

    given = (options or {}) | ({} if seed is None else {"train": {"seed": seed}})
    return load_config(preset=preset, file=file, overrides=overrides or (), options=given)


def dataset_name(dataset: str | None) -> str:
    """The data set's name for a flow: the absolute path of a folder, or else the text itself. Empty: none was named.

    Raises:
        ConfigError: the option was given without a name, as with a variable that is not set.
    """
    from flows.config.mistakes import ConfigError

    if dataset is None:
        return ""
    if not dataset:
        raise ConfigError("--dataset names nothing. Give it a folder that `import` has made, or a digest.")
    try:
        return str(Path(dataset).absolute()) if Path(dataset).is_dir() else dataset
    except OSError:  # no file can have such a name
        return dataset


def choose_home(home: Path | None) -> "Home":
    """Make `home` the home of the rest of this process, and create it if it is missing.

    Raises:
        HomeError: the folder cannot be used.
        ConfigError: an environment variable is named almost like one of ours.
    """
    from data.home import HOME_VARIABLE, Home
    from flows.config.variables import configured_variables
    from flows.servers.environment import prepare_this_process

    configured_variables()
    if home is not None:
        os.environ[HOME_VARIABLE] = str(home)
    chosen = Home.from_environment().create()
    prepare_this_process(chosen)
    return chosen


def use_home(home: Path | None) -> "Home":
    """Choose the home, become a client of the servers that run for it, and check MLflow's store before any work.

    Raises:
        HomeError, ConfigError: see `choose_home`.
        SilentServerError: see `use_running_servers`.
        StoreError: see `check_store`.
    """
    from flows.servers.client import use_running_servers
    from tracking.store import check_store

    chosen = choose_home(home)
    use_running_servers(chosen, say=partial(typer.echo, err=True))
    check_store(chosen)
    return chosen
