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
    preset: Preset = "full",
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
    for _, prompts in clips:
        for prompt in dict.fromkeys(prompts):
            world.scene_of(prompt)

    from evaluation.clip_report import score_files

    report = score_files(clips, world)
    _print(report)
    if json is not None:
        from data.files import write_atomically

        write_atomically(json, (report.model_dump_json(indent=2) + "\n").encode())


def _print(report: "ClipReport") -> None:
    from rich.console import Console
    from rich.table import Table

    names = list(report.overall.attributes)
    table = Table(title="Clips that do what their prompt says, and in which each attribute is right (percent)")
    table.add_column("prompt", overflow="fold")
    for name in ("clips", "joint exact", *names):
        table.add_column(name, justify="right")

    def row(name: str, rates: "AttributeRates") -> None:
        shares = [f"{100 * rates.attributes[name]:.1f}" for name in names]
        table.add_row(name, f"{rates.n:,}", f"{100 * rates.joint_exact:.1f}", *shares)

    row("all", report.overall)
    worst = sorted(report.prompts.items(), key=lambda item: item[1].joint_exact)
    for prompt, rates in worst[:SHOWN_PROMPTS]:
        row(prompt, rates)
    if len(worst) > SHOWN_PROMPTS:
        table.caption = f"The {SHOWN_PROMPTS} worst of {len(worst)} prompts. All of them stand in the file of --json."
    Console().print(table)
