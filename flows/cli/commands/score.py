"""`flipbook score`: the exact metric for clips from anywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import ConfigFile, Overrides, Preset, configuration

if TYPE_CHECKING:
    from evaluation.clip_report import AttributeRates, ClipReport

SHOWN_PROMPTS = 40


def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="npz files with `frames` and `prompts`, or folders of videos with captions."
        ),
    ],
    preset: Preset = "",
    config: ConfigFile = None,
    overrides: Overrides = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the scores as JSON.")] = None,
) -> None:
    """Score the clips in FILE by the exact metric of the preset's world, whatever has drawn them."""
    world = configuration(preset, config, overrides).world
    if json is not None:
        from flows.cli.output import prepare_file

        prepare_file(json, option="--json")

    from data.reading.scored_clips import read_clips

    clips = [read_clips(path, world) for path in files]
    from evaluation.clip_report import score_files

    report = score_files(clips, world)
    _print(report)
    if json is not None:
        from data.files import write_atomically

        write_atomically(json, (report.model_dump_json(indent=2) + "\n").encode())


def _print(report: "ClipReport") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title="Joint exact: everything is right in every frame; Wilson 95 % interval",
        caption="In the last column: the share of clips in which this attribute is wrong.",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("prompt", overflow="fold")
    table.add_column("clips", justify="right")
    table.add_column("joint exact", justify="right", style="bold", no_wrap=True)
    table.add_column("wrong")

    def row(name: str, rates: "AttributeRates") -> None:
        wrong = sorted(((1 - share, attribute) for attribute, share in rates.attributes.items()), reverse=True)
        interval = f"[{100 * rates.joint_exact_low:.1f}, {100 * rates.joint_exact_high:.1f}]"
        table.add_row(
            name,
            f"{rates.n:,}",
            Text(f"{100 * rates.joint_exact:.1f} % {interval}"),
            ", ".join(f"{attribute} {100 * share:.1f} %" for share, attribute in wrong if share > 0),
        )

    row("all", report.overall)
    worst = sorted(report.prompts.items(), key=lambda item: item[1].joint_exact)
    for prompt, rates in worst[:SHOWN_PROMPTS]:
        row(prompt, rates)
    if len(worst) > SHOWN_PROMPTS:
        table.caption = f"{table.caption} The {SHOWN_PROMPTS} worst of {len(worst)} prompts; --json writes all of them."
    Console().print(table)
