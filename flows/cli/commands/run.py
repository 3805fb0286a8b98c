"""`flipbook run` and `flipbook train`: the whole pipeline, or its first half."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flows.cli.options import (
    ConfigFile,
    Dataset,
    HomeFolder,
    Overrides,
    Preset,
    Seed,
    configuration,
    dataset_name,
    use_home,
)

if TYPE_CHECKING:
    from flows.config.pipeline import PipelineConfig


def run(
    preset: Preset = "",
    dataset: Dataset = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    home: HomeFolder = None,
) -> None:
    """Run the whole pipeline: make clips, train, register, evaluate, promote. Finished steps are not repeated.

    The preset is `full`, or `own` with --dataset.
    """
    settings = _settings(preset, config, overrides, seed, dataset)
    chosen = use_home(home)

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.pipeline import pipeline

        wait_for_prefect()
        result = pipeline(settings)

    from flows.cli.summary import print_pipeline

    print_pipeline(result)


def train(
    preset: Preset = "",
    dataset: Dataset = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    home: HomeFolder = None,
) -> None:
    """Make clips, train a model on them and register it. An interrupted training continues where it stopped.

    The preset is `full`, or `own` with --dataset.
    """
    settings = _settings(preset, config, overrides, seed, dataset)
    chosen = use_home(home)

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.train import train as train_flow

        wait_for_prefect()
        version = train_flow(settings.world, settings.data, settings.model, settings.train, dataset=settings.dataset)
    assert version is not None  # this call asks the flow to register the model

    from flows.cli.summary import home_option, program

    typer.echo(f"Registered as {version.ref}. Score it: {program()} evaluate --model {version.ref}{home_option()}")


def _settings(
    preset: str, file: Path | None, overrides: list[str] | None, seed: int | None, dataset: str | None
) -> "PipelineConfig":
    """The configuration of a run. Raises ConfigError, also if the preset `own` is used without a data set."""
    from flows.config.mistakes import ConfigError

    options: dict[str, Any] = {} if dataset is None else {"dataset": dataset_name(dataset)}
    settings = configuration(preset, file, overrides, seed, options)
    if preset == "own" and not settings.dataset:
        raise ConfigError(
            "The preset own trains on your own clips. Name them with --dataset FOLDER. `flipbook import VIDEOS --out "
            "FOLDER` makes such a folder."
        )
    return settings
