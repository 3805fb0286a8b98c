"""The flow that evaluates a model, whichever way it is named. Nothing is trained.

python -m flows.evaluate models:/flipbook@champion
"""

import sys
from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.any_report import AnyReport
from evaluation.config import EvaluationConfig
from flows.outcome import Outcome, run_step
from tasks.dataset import find_dataset
from tasks.evaluation.evaluate import Evaluation, evaluate_model
from tasks.evaluation.publish import publish_evaluation
from tasks.evaluation.yardstick import Yardstick, learned_from, own_yardstick
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress
from tasks.versions import attach_evaluation, find_model
from tracking.model_reference import ResolvedModel


class EvaluationResult(BaseModel):
    """What an evaluation of a model gave."""

    model_config = ConfigDict(frozen=True)

    model_ref: str = Field(description="The model, as models:/flipbook/3 if it is registered, else as it was named.")
    checkpoint_folder: Path = Field(description="The model's checkpoint.")
    evaluation_folder: Path = Field(description="Report, contact sheet and videos.")
    report: AnyReport
    left_out: str = Field(description="Why the registered version keeps other scores than these. Empty: it has these.")
    cached: bool = Field(description="Whether the evaluation had been made before.")


@flow(name="evaluate")
def evaluate(
    model: str, evaluation: EvaluationConfig | None = None, world: WorldConfig | None = None, dataset: str = ""
) -> EvaluationResult:
    """Score a model on the prompts of its world or of its data set, and render videos. Nothing is trained.

    If the model is a registered version, scores and videos are recorded below its training. They become the version's
    own scores if they use its own prompts and at least as many clips as its present scores.

    Args:
        model: models:/flipbook@champion, models:/flipbook/3, runs:/RUN_ID/model, or the path of a checkpoint.
        evaluation: how many samples are drawn and what is measured on them. Empty: the full size.
        world: the world whose prompts are drawn. Empty: the model's own world.
        dataset: a data set whose captions are drawn and whose clips are compared: the folder that an import has made,
            or the beginning of its digest. Empty: the clips that the model has learned, if it has learned no world.
    """
    home = Home.from_environment().create()
    with shown_in_prefect():
        found = find_model(home, model)
        if dataset and world is not None:
            raise ValueError("A model is scored on a world or on a data set: leave one of them empty.")
        if dataset:
            on: Yardstick = run_step(find_dataset, home, dataset).value
        else:
            on = world or own_yardstick(home, found)
        outcome = make_evaluation(home, found, on, evaluation or EvaluationConfig())
        report = outcome.value.report()
        left_out = ""
        if found.version is not None:
            left_out = attach_evaluation(
                home,
                version=found.version,
                report=report,
                trained_on=learned_from(found),
                folder=outcome.value.folder,
                evaluation_digest=outcome.value.digest,
            ).left_out
        publish_evaluation(home, model_ref=found.ref, run_id=found.run_id, evaluation=outcome.value)
    return EvaluationResult(
        model_ref=found.ref,
        checkpoint_folder=found.checkpoint,
        evaluation_folder=outcome.value.folder,
        report=report,
        left_out=left_out,
        cached=outcome.cached,
    )


def make_evaluation(home: Home, model: ResolvedModel, on: Yardstick, config: EvaluationConfig) -> Outcome[Evaluation]:
    """The evaluation of `model`. It counts as cached if the same model was measured in the same way before."""
    outcome = run_step(evaluate_model, home, model, on, config)
    if outcome.cached:
        current_progress().finish("evaluate", f"kept {outcome.value.folder}")
    return outcome


if __name__ == "__main__":
    evaluate(sys.argv[1])
