"""`flipbook evaluate`: scores and videos of one model."""

from flows.cli.options import (
    CHAMPION_REF,
    ConfigFile,
    Dataset,
    HomeFolder,
    Model,
    Overrides,
    Preset,
    configuration,
    dataset_name,
    use_home,
)


def evaluate(
    model: Model = CHAMPION_REF,
    preset: Preset = "",
    dataset: Dataset = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    home: HomeFolder = None,
) -> None:
    """Score a model on the prompts of its own world or the captions of its own clips, and write videos.

    Only the section `evaluation` of the configuration is used. --dataset names other clips than the model has learned.
    """
    settings = configuration(preset, config, overrides)
    chosen = use_home(home)

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.evaluate import evaluate as evaluate_flow

        wait_for_prefect()
        result = evaluate_flow(model, settings.evaluation, dataset=dataset_name(dataset))

    from flows.cli.summary import print_evaluation

    print_evaluation(result)
