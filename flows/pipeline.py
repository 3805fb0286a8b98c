"""The whole product in one flow: clips, a trained model, its registered version, its scores and videos, the champion.

python -m flows.pipeline
"""

from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from evaluation.any_report import AnyReport
from flows.config.pipeline import PipelineConfig
from flows.dataset import given_dataset
from flows.evaluate import make_evaluation
from flows.outcome import run_step
from flows.threads import thread_per_core
from flows.train import make_model, register
from tasks.evaluation.publish import publish_evaluation
from tasks.evaluation.yardstick import learned_from, own_yardstick
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress
from tasks.versions import attach_evaluation, promote_version
from tracking.store import check_store


class PipelineResult(BaseModel):
    """What a run of the pipeline gave, and which steps had been done before."""

    model_config = ConfigDict(frozen=True)

    dataset_folder: Path = Field(description="Shards and manifest.")
    checkpoint_folder: Path = Field(description="The final checkpoint.")
    model_version: str = Field(description="The registered version, as models:/flipbook/3.")
    evaluation_folder: Path = Field(description="Report, contact sheet and videos.")
    report: AnyReport
    promoted: bool = Field(description="Whether the version is the champion now.")
    why: str = Field(description="Why it is, or is not.")
    cached: dict[str, bool] = Field(description="For each step, whether all of it had been made before.")


@flow(name="pipeline", task_runner=thread_per_core())
def pipeline(config: PipelineConfig, train_on: str = "") -> PipelineResult:
    """Make everything from nothing. Steps that are done in this home, with this code, are not done again.

    Args:
        config: What each step does. Default: the full size, 10,000 clips, about twenty minutes on two cores.
        train_on: The deployment that trains, as train/train, which runs on the GPU workers. Empty: this run trains.
    """
    return run_pipeline(config, train_on=train_on)


def run_pipeline(config: PipelineConfig, *, train_on: str) -> PipelineResult:
    """Run all steps within the present flow run. See `pipeline`."""
    home = Home.from_environment().create()
    check_store(home)
    with shown_in_prefect():
        dataset = given_dataset(home, config.dataset, config.world, config.data, model=config.model)
        model = make_model(home, config.model, config.train, dataset.value, on=train_on or None)
        version = register(home, model.value)
        evaluation = make_evaluation(home, model.value, own_yardstick(home, model.value), config.evaluation)
        report = evaluation.value.report()
        attach_evaluation(
            home,
            version=version.version,
            report=report,
            trained_on=learned_from(model.value),
            folder=evaluation.value.folder,
            evaluation_digest=evaluation.value.digest,
        )
        promotion = run_step(promote_version, home, version.version).value
        current_progress().finish("promote", promotion.why)
        publish_evaluation(home, model_ref=version.ref, run_id=version.run_id, evaluation=evaluation.value)
    return PipelineResult(
        dataset_folder=dataset.value.folder,
        checkpoint_folder=model.value.checkpoint,
        model_version=version.ref,
        evaluation_folder=evaluation.value.folder,
        report=report,
        promoted=promotion.promoted,
        why=promotion.why,
        cached={"dataset": dataset.cached, "train": model.cached, "evaluate": evaluation.cached},
    )


if __name__ == "__main__":
    pipeline(PipelineConfig())
