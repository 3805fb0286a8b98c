"""`flipbook run` and `flipbook train`: the whole pipeline, or its first half."""

import typer

from flows.cli.options import ConfigFile, HomeFolder, Overrides, Preset, Seed, configuration, use_home


def run(
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    home: HomeFolder = None,
) -> None:
    """Run the whole pipeline: make clips, train, register, evaluate, promote. Finished steps are not repeated."""
    settings = configuration(preset, config, overrides, seed)
    chosen = use_home(home)

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.pipeline import pipeline

        wait_for_prefect()
        result = pipeline(settings)

    from flows.cli.summary import print_pipeline

    print_pipeline(result)


def train(
    preset: Preset = "full",
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    home: HomeFolder = None,
) -> None:
    """Make clips, train a model on them and register it. An interrupted training continues where it stopped."""
    settings = configuration(preset, config, overrides, seed)
    chosen = use_home(home)

    from flows.cli.session import flow_session

    with flow_session(chosen) as wait_for_prefect:
        from flows.train import train as train_flow

        wait_for_prefect()
        version = train_flow(settings.world, settings.data, settings.model, settings.train)
    assert version is not None  # this call asks the flow to register the model

    from flows.cli.summary import home_option, program

    typer.echo(f"Registered as {version.ref}. Score it: {program()} evaluate --model {version.ref}{home_option()}")
