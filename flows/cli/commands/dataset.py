"""`flipbook dataset`: the clips alone."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import ConfigFile, HomeFolder, Overrides, Preset, configuration, use_home


class ExportFormat(StrEnum):
    """Formats of shards on disk."""

    PARQUET = "parquet"
    WEBDATASET = "webdataset"


def dataset(
    preset: Preset = "",
    config: ConfigFile = None,
    overrides: Overrides = None,
    export: Annotated[Path | None, typer.Option(help="Also write the clips to this folder, in --format.")] = None,
    format: Annotated[ExportFormat, typer.Option(help="Format of --export.")] = ExportFormat.WEBDATASET,
    home: HomeFolder = None,
) -> None:
    """Make the clips only, and print where they are."""
    settings = configuration(preset, config, overrides)
    chosen = use_home(home)
    if export is not None:
        from flows.cli.output import prepare_folder

        prepare_folder(export, option="--export")

    from flows.cli.session import flow_session

    with flow_session(chosen, tracked=False) as wait_for_prefect:
        from flows.dataset import dataset as dataset_flow

        wait_for_prefect()
        made = dataset_flow(settings.world, settings.data)
    typer.echo(f"{settings.data.clips:,} clips in {settings.data.shards} shards: {made.folder}")
    if export is not None:
        from data.shards.export import export_dataset

        manifest = export_dataset(made.folder, export, format=format.value)
        typer.echo(f"Exported as {format.value}: {len(manifest.shards)} shards in {export}")
