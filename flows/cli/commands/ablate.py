"""`flipbook ablate`: what each part of our recipe is worth."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import ConfigFile, HomeFolder, Overrides, configuration, use_home


def ablate(
    cpu_minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000, help="CPU minutes of each training, on one thread.")
    ] = 6.0,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Trainings of each variant.")] = 1,
    side_by_side: Annotated[
        int, typer.Option(min=1, max=64, help="Trainings at the same time, each in its own process.")
    ] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for table, plot and figures.")] = Path("ablation"),
    config: ConfigFile = None,
    overrides: Overrides = None,
    home: HomeFolder = None,
) -> None:
    """Train our recipe, and again with one part left out at a time, with equal CPU time, and score every variant.

    The tutorial's network is trained and scored as well. Finished trainings are not repeated.
    """
    settings = configuration("full", config, overrides)

    from flows.config.variants import variants

    variants(
        settings, cpu_minutes=cpu_minutes, seed=0
    )  # raises before any work if the tutorial's network has no words for the world
    chosen = use_home(home)

    from flows.cli.output import prepare_folder

    prepare_folder(out, option="--out")

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.ablate import ablate as ablate_flow

        wait_for_prefect()
        result = ablate_flow(settings, cpu_minutes, seeds, side_by_side, out.absolute())

    from evaluation.ablation import ablation_table

    typer.echo(ablation_table(result.ablation))
    typer.echo(f"\nTable, plot and figures: {out}. MLflow run: {result.run_id}")
