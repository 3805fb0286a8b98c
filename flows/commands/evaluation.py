"""`flipbook evaluate`: scores and videos of a model."""

from typing import Annotated

import typer

from flows.commands.options import ConfigFile, HomeFolder, Overrides, Preset, configuration, use_home


def evaluate(
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="REF", help="models:/flipbook@champion, models:/flipbook/3, runs:/..., a path.")
    ] = "models:/flipbook@champion",
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    home: HomeFolder = None,
) -> None:
    """Score a model on the prompts of its own world, and render videos of each. Of the configuration, [evaluation] counts."""
    settings = configuration(preset, config, overrides)
    use_home(home)

    from tasks.home import Home
    from tasks.model_references import resolve_model

    found = resolve_model(Home.from_environment(), model)

    from flows.console import flows_shown

    with flows_shown() as ready:
        from flows.evaluate import evaluation_only

        ready()
        result = evaluation_only(found.ref, settings.evaluation)

    from flows.summary import print_evaluation

    print_evaluation(result)
