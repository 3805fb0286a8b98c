"""`flipbook compare`: two models side by side on one page."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import CHAMPION_REF, ConfigFile, HomeFolder, Overrides, Preset, configuration, use_home

_FORMS = f"{CHAMPION_REF}, models:/flipbook/3, runs:/RUN_ID/model, or a path."


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=_FORMS)],
    b: Annotated[
        str, typer.Argument(metavar="B", help="The other model, named in the same way. Differences are B - A.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File for the page. Default: comparison-A-B.html here.")
    ] = None,
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    home: HomeFolder = None,
) -> None:
    """Compare two models: scores, differences with their noise, and videos of every prompt, on one HTML page.

    Both are evaluated in the same way first. Of the configuration only the section evaluation counts.
    """
    settings = configuration(preset, config, overrides)
    use_home(home)

    from data.home import Home
    from flows.cli.output import prepare_file
    from tracking.contenders import resolve_pair, short_name

    found_a, found_b = resolve_pair(Home.from_environment(), a, b)
    page = (out or Path(f"comparison-{short_name(found_a)}-{short_name(found_b)}.html")).absolute()
    prepare_file(page, option="--out")

    from flows.cli.console import flows_shown

    with flows_shown() as ready:
        from flows.compare import compare as compare_flow

        ready()
        result = compare_flow(found_a.ref, found_b.ref, settings.evaluation, page)

    from flows.cli.summary import print_comparison

    if result is not None:  # as both are named
        print_comparison(result)
