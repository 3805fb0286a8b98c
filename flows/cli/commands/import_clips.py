"""`flipbook import`: a data set of people's own videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import HomeFolder, use_home

if TYPE_CHECKING:
    from data.importing.config import ImportConfig
    from data.importing.summary import ImportSummary

SHOWN_REJECTIONS = 10


def import_clips(
    source: Annotated[
        Path, typer.Argument(help="A folder of videos with captions, a WebDataset tar file, or a Parquet file.")
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the data set and its report.")] = None,
    width: Annotated[int | None, typer.Option(help="Width of the clips in px, a multiple of 8. [default: 64]")] = None,
    height: Annotated[int | None, typer.Option(help="Height of the clips in px. [default: 64]")] = None,
    frames: Annotated[int | None, typer.Option(help="Frames per clip, 4 to 32. [default: 10]")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second of the clips. [default: 10]")] = None,
    fit: Annotated[str | None, typer.Option(help="crop or pad to the clips' shape. [default: crop]")] = None,
    clip_seconds: Annotated[
        float | None, typer.Option(help="Cut videos into clips of this length. [default: one clip per video]")
    ] = None,
    stride: Annotated[
        float | None, typer.Option(help="Seconds between the beginnings of two clips. [default: no overlap]")
    ] = None,
    caption_column: Annotated[str | None, typer.Option(help="Column of the captions. [default: caption]")] = None,
    split_column: Annotated[
        str | None, typer.Option(help="Column of train, validation, test. [default: split by captions]")
    ] = None,
    validation_share: Annotated[float | None, typer.Option(help="Of the captions. [default: 0.05]")] = None,
    test_share: Annotated[float | None, typer.Option(help="Of the captions. [default: 0.1]")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed splits the captions differently.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the summary as JSON.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A file that cannot be imported is an error.")] = False,
    home: HomeFolder = None,
) -> None:
    """Make a data set of your own videos and captions, with a report. What was imported before is kept.

    Captions stand in metadata.csv or metadata.jsonl (file_name, caption), or in a text file beside each video.
    """
    given = {
        "width": width, "height": height, "frames": frames, "fps": fps, "fit": fit, "clip_seconds": clip_seconds,
        "stride": stride, "caption_column": caption_column, "split_column": split_column,
        "validation_share": validation_share, "test_share": test_share, "seed": seed,
    }  # fmt: skip
    config = _configuration({name: value for name, value in given.items() if value is not None})
    if not source.exists():
        from data.importing.sources import no_source

        raise no_source(source)
    chosen = use_home(home)
    from flows.cli.output import prepare_file, prepare_folder

    if out is not None:
        prepare_folder(out, option="--out")
    if json is not None:
        prepare_file(json, option="--json")

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.import_clips import import_clips as import_flow

        wait_for_prefect()
        result = import_flow(source.absolute(), config, out.absolute() if out else None, strict)
    if json is not None:
        from data.files import write_atomically

        write_atomically(json, (result.summary.model_dump_json(indent=2) + "\n").encode())
    _print(result.summary)
    typer.echo(f"Data set: {out or result.folder}\nReport: {(out or result.folder) / 'report.html'}")


def _configuration(values: dict[str, Any]) -> "ImportConfig":
    from pydantic import ValidationError

    from data.importing.config import ImportConfig
    from flows.config.mistakes import ConfigError

    try:
        return ImportConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{first['loc'][0]}".replace("_", "-") if first["loc"] else "the options"
        raise ConfigError(f"{option}: {first['msg'].removeprefix('Value error, ')}.") from error


def _print(summary: "ImportSummary") -> None:
    typer.echo(
        f"{summary.clips:,} clips of {summary.accepted:,} videos. Rejected files: {summary.rejected:,}. "
        f"Duplicates: {summary.duplicates:,}."
    )
    if summary.warning:
        typer.echo(summary.warning)
    for one in summary.rejections[:SHOWN_REJECTIONS]:
        typer.echo(f"  {one.file} {one.reason}")
    if len(summary.rejections) > SHOWN_REJECTIONS:
        typer.echo(f"  and {len(summary.rejections) - SHOWN_REJECTIONS:,} more in rejected.csv")
