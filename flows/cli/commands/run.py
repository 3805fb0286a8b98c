"""`flipbook run`, `data` and `train`: the pipeline, whole or up to a step."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import ConfigFile, HomeFolder, Overrides, Preset, Seed, configuration, use_home


class ShardFormatOption(StrEnum):
    """Formats of a data set on disk."""

    PARQUET = "parquet"
    WEBDATASET = "webdataset"


def run(
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    home: HomeFolder = None,
) -> None:
    """Run the whole pipeline: make clips, train, register, evaluate, promote. What is done already is kept."""
    settings = configuration(preset, config, overrides, seed)
    use_home(home)

    from flows.cli.console import flows_shown

    with flows_shown() as ready:
        from flows.pipeline import pipeline

        ready()
        result = pipeline(settings)

    from flows.cli.summary import print_pipeline

    print_pipeline(result)


def data(
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    export: Annotated[Path | None, typer.Option(help="Also write the clips to this folder, in --format.")] = None,
    format: Annotated[ShardFormatOption, typer.Option(help="Format of --export.")] = ShardFormatOption.WEBDATASET,
    home: HomeFolder = None,
) -> None:
    """Make the clips only, and say where they are."""
    settings = configuration(preset, config, overrides)
    use_home(home)
    if export is not None:
        from flows.cli.output import prepare_folder

        prepare_folder(export, option="--export")

    from flows.cli.console import flows_shown

    with flows_shown() as ready:
        from flows.dataset import generate

        ready()
        dataset = generate(settings.world, settings.data)
    typer.echo(f"{settings.data.clips:,} clips in {settings.data.shards} shards: {dataset.folder}")
    if export is not None:
        from data.shards.export import export_dataset

        manifest = export_dataset(dataset.folder, export, format=format.value)
        typer.echo(f"Exported as {format.value}: {len(manifest.shards)} shards in {export}")


def train(
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    home: HomeFolder = None,
) -> None:
    """Make the clips, train a model on them and register it. Goes on where an interrupted training stopped."""
    settings = configuration(preset, config, overrides, seed)
    use_home(home)

    from flows.cli.console import flows_shown

    with flows_shown() as ready:
        from flows.train import train as train_flow

        ready()
        version = train_flow(settings.world, settings.data, settings.model, settings.train)
    assert version is not None  # asked to register

    from flows.cli.summary import home_option, program

    typer.echo(f"Registered as {version.ref}. Score it: {program()} evaluate --model {version.ref}{home_option()}")
