"""The whole product in one flow: clips, a trained model, its registered version, its scores and videos, the champion.

python -m flows.pipeline
"""

from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from evaluation.report.report import EvaluationReport
from flows.config.pipeline import PipelineConfig
from flows.dataset import make_dataset
from flows.evaluate import conclude, make_evaluation
from flows.threads import thread_per_core
from flows.train import make_checkpoint, register
from tasks.evaluate import read_report
from tasks.progress.in_prefect import shown_in_prefect
from tasks.publish import publish_evaluation


class PipelineResult(BaseModel):
    """What a run of the pipeline gave, and which steps had been done before."""

    model_config = ConfigDict(frozen=True)

    dataset_folder: Path = Field(description="Shards and manifest.")
    checkpoint_folder: Path = Field(description="The final checkpoint.")
    model_version: str = Field(description="The registered version, as models:/flipbook/3.")
    evaluation_folder: Path = Field(description="Report, contact sheet and videos.")
    report: EvaluationReport
    promoted: bool = Field(description="Whether the version is the champion now.")
    why: str = Field(description="Why it is, or is not.")
    cached: dict[str, bool] = Field(description="By step: whether all of it was there already.")


@flow(name="pipeline", task_runner=thread_per_core())
def pipeline(config: PipelineConfig, train_on: str = "") -> PipelineResult:
    """Everything from nothing. Steps that are done already, in this home and with this code, are not done again.

    Args:
        config: What each step does. As it stands: the full size, 10,000 clips, about ten minutes on two cores.
        train_on: The deployment that trains, as train/train, which runs on the GPU workers. Empty: this run trains.
    """
    home = Home.from_environment().create()
    with shown_in_prefect():
        dataset = make_dataset(home, config.world, config.data)
        checkpoint = make_checkpoint(home, config.world, config.model, config.train, dataset.value, on=train_on or None)
        version = register(home, checkpoint.value, awaits_evaluation=False)
        evaluation = make_evaluation(home, checkpoint.value, config.world, config.evaluation)
        report = read_report(evaluation.value)
        promotion = conclude(home, version.version, evaluation.value, report, config.world)
        publish_evaluation(
            home, model_ref=version.ref, run_id=version.run_id, evaluation=evaluation.value, report=report
        )
    return PipelineResult(
        dataset_folder=dataset.value.folder,
        checkpoint_folder=checkpoint.value.folder,
        model_version=version.ref,
        evaluation_folder=evaluation.value.folder,
        report=report,
        promoted=promotion.promoted,
        why=promotion.why,
        cached={"generate": dataset.cached, "train": checkpoint.cached, "evaluate": evaluation.cached},
    )


if __name__ == "__main__":
    pipeline(PipelineConfig())
