"""`flipbook compare`: two models side by side on one page."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import REF_FORMS, ConfigFile, HomeFolder, Overrides, Preset, configuration, use_home


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=REF_FORMS)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other model, in the same form. Differences are B - A.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of the page. Default: comparison-A-B.html here.")
    ] = None,
    preset: Preset = "",
    config: ConfigFile = None,
    overrides: Overrides = None,
    home: HomeFolder = None,
) -> None:
    """Compare two models on one HTML page: scores, differences with their noise, and videos of every prompt.

    Both models are evaluated in the same way first. Only the section `evaluation` of the configuration is used.
    """
    settings = configuration(preset, config, overrides)
    chosen = use_home(home)

    from flows.cli.output import prepare_file, prepare_folder

    if out is None:
        prepare_folder(Path(), option="--out")
    else:
        prepare_file(out, option="--out")

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.compare import compare as compare_flow

        wait_for_prefect()
        result = compare_flow(a, b, settings.evaluation, (out or Path()).absolute())

    from flows.cli.summary import print_comparison

    if result is not None:  # the flow returns None only if it has to choose B and finds no candidate
        print_comparison(result)
