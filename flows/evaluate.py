"""The flow that evaluates a model, whichever way it is named: only evaluation runs, nothing is trained.

python -m flows.evaluate models:/flipbook@champion
"""

import sys
from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.report.report import EvaluationReport
from flows.outcome import Outcome, run_step
from tasks.cache.policy import at_home
from tasks.cache.references import CheckpointReference, EvaluationReference
from tasks.evaluate import evaluate_checkpoint, read_report
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress
from tasks.publish import publish_evaluation
from tasks.register import attach_to_version, checkpoint_of, find_model, promote_version
from tracking.promotion import Promotion


class EvaluationResult(BaseModel):
    """What an evaluation of a model gave."""

    model_config = ConfigDict(frozen=True)

    model_ref: str = Field(description="The model, as models:/flipbook/3 where it is registered, else as it was named.")
    checkpoint_folder: Path = Field(description="The model's checkpoint.")
    evaluation_folder: Path = Field(description="Report, contact sheet and videos.")
    report: EvaluationReport
    left_out: str = Field(description="Why the registered version keeps other scores than these; empty: it does not.")
    cached: bool = Field(description="Whether the evaluation had been made before.")


@flow(name="evaluate")
def evaluation_only(
    model: str, evaluation: EvaluationConfig | None = None, world: WorldConfig | None = None
) -> EvaluationResult:
    """Evaluates the model that `model` names; only evaluation runs, nothing is trained. An alias is resolved before
    anything is cached by it. Where the model is a registered version, scores and videos are recorded below its
    training; they become the version's own where they are of its own prompts, and of no fewer clips than those it has.

    Args:
        model: models:/flipbook@champion, models:/flipbook/3, runs:/RUN_ID/model, or the path of a checkpoint.
        evaluation: how many samples are drawn and what is measured on them; empty: the full size.
        world: other prompts than those of the model's own world; empty: its own.
    """
    home = Home.from_environment().create()
    found = find_model(home, model)
    checkpoint, own_world = checkpoint_of(found)
    with shown_in_prefect():
        outcome = make_evaluation(home, checkpoint, world or own_world, evaluation or EvaluationConfig())
        report = read_report(outcome.value)
        left_out = ""
        if found.version is not None:
            left_out = attach_to_version(home, found.version, outcome.value, report, own_world).left_out
        publish_evaluation(home, model_ref=found.ref, run_id=found.run_id, evaluation=outcome.value, report=report)
    return EvaluationResult(
        model_ref=found.ref,
        checkpoint_folder=found.checkpoint,
        evaluation_folder=outcome.value.folder,
        report=report,
        left_out=left_out,
        cached=outcome.cached,
    )


def make_evaluation(
    home: Home, checkpoint: CheckpointReference, world: WorldConfig, config: EvaluationConfig
) -> Outcome[EvaluationReference]:
    """The evaluation of `checkpoint`; cached where the same model was measured in the same way before."""
    evaluation = run_step(at_home(evaluate_checkpoint, home), home, checkpoint, world, config)
    if evaluation.cached:
        current_progress().finish("evaluate", f"kept {evaluation.value.folder}")
    return evaluation


def conclude(
    home: Home, version: int, evaluation: EvaluationReference, report: EvaluationReport, own_world: WorldConfig
) -> Promotion:
    """Attaches the evaluation to the version, and makes it the champion where its scores are better."""
    attach_to_version(home, version, evaluation, report, own_world)
    promotion = promote_version(home, version)
    current_progress().finish("promote", promotion.why)
    return promotion


if __name__ == "__main__":
    evaluation_only(sys.argv[1])
