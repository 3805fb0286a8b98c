"""The flow that makes a model of people's own clips: the pipeline on a data set that an import has made.

python -m flows.own FOLDER
"""

import sys
from typing import Annotated

from prefect import flow
from pydantic import Field

from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from flows.config.presets import own as own_preset
from flows.pipeline import PipelineResult, run_pipeline
from flows.threads import thread_per_core
from models.config import ModelConfig, TrainConfig

PRESET = own_preset()


@flow(name="own", task_runner=thread_per_core())
def own(
    dataset: Annotated[str, Field(min_length=1)],
    model: ModelConfig = PRESET.model,
    train: TrainConfig = PRESET.train,
    evaluation: EvaluationConfig = PRESET.evaluation,
    train_on: str = "",
) -> PipelineResult:
    """Train, register, score and promote a model of your own clips. Steps that were done before are not done again.

    Args:
        dataset: the folder that an import has made, or the beginning of its digest.
        model: sizes of the networks.
        train: how to train.
        evaluation: how many samples are drawn, and what is measured on them.
        train_on: The deployment that trains, as train/train, which runs on the GPU workers. Empty: this run trains.
    """
    config = PipelineConfig(dataset=dataset, model=model, train=train, evaluation=evaluation)
    return run_pipeline(config, train_on=train_on)


if __name__ == "__main__":
    own(sys.argv[1])
