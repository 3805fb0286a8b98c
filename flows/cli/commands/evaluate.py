"""`flipbook evaluate`: scores and videos of one model."""

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
    """Score a model on the prompts of its own world, and write videos of each prompt.

    Only the section `evaluation` of the configuration is used.
    """
    settings = configuration(preset, config, overrides)
    chosen = use_home(home)

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.evaluate import evaluate as evaluate_flow

        wait_for_prefect()
        result = evaluate_flow(model, settings.evaluation)

    from flows.cli.summary import print_evaluation

    print_evaluation(result)
