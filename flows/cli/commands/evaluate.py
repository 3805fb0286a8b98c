"""`flipbook evaluate`: scores and videos of a model."""

from flows.cli.options import (
    CHAMPION_REF,
    ConfigFile,
    HomeFolder,
    Model,
    Overrides,
    Preset,
    configuration,
    use_home,
)


def evaluate(
    model: Model = CHAMPION_REF,
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    home: HomeFolder = None,
) -> None:
    """Score a model on the prompts of its own world, and render videos of each.

    Of the configuration only the section evaluation counts.
    """
    settings = configuration(preset, config, overrides)
    use_home(home)

    from data.home import Home
    from tracking.model_references import resolve_model

    found = resolve_model(Home.from_environment(), model)

    from flows.cli.console import flows_shown

    with flows_shown() as ready:
        from flows.evaluate import evaluation_only

        ready()
        result = evaluation_only(found.ref, settings.evaluation)

    from flows.cli.summary import print_evaluation

    print_evaluation(result)
