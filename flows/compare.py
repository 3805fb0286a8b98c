"""The flow that compares two models: both are evaluated in the same way, and shown side by side on one page.

python -m flows.compare models:/flipbook/1 models:/flipbook@champion comparison.html
"""

import sys
from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from evaluation.config import EvaluationConfig
from evaluation.report import EvaluationReport
from flows.evaluate import make_evaluation
from flows.outcome import Outcome
from tasks.compare import compare_evaluations, find_models, publish_comparison
from tasks.evaluation.evaluate import Evaluation
from tasks.evaluation.yardstick import own_yardstick
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import Labelled, current_progress, reporting_to
from tracking.model_reference import ResolvedModel


class ComparedModel(BaseModel):
    """One of the two models of a comparison."""

    model_config = ConfigDict(frozen=True)

    model_ref: str = Field(description="The model, as models:/flipbook/3 if it is registered, else as it was named.")
    evaluation_folder: Path = Field(description="Report, contact sheet and videos.")
    report: EvaluationReport
    cached: bool = Field(description="Whether the evaluation had been made before.")


class ComparisonResult(BaseModel):
    """What a comparison of two models gave."""

    model_config = ConfigDict(frozen=True)

    a: ComparedModel
    b: ComparedModel
    verdict: str = Field(description="Which is better, in a sentence or two.")
    page: Path | None = Field(description="Where the page was written. None if only MLflow keeps it.")
    run_id: str = Field(description="The MLflow run that holds the page and the differences.")


@flow(name="compare")
def compare(
    a: str = "",
    b: str = "models:/flipbook/latest",
    evaluation: EvaluationConfig | None = None,
    out: Path | None = None,
) -> ComparisonResult | None:
    """Compare the models that `a` and `b` name, on one page with the scores and videos of both.

    The scores of registered versions stay as they are.

    Args:
        a: models:/flipbook@champion, models:/flipbook/3, runs:/RUN_ID/model, or the path of a checkpoint. Empty: the
            champion. If `b` is the champion, the champion before it, else the newest other version. Nothing is
            compared if there is no other version.
        b: the other model, named in the same way. All differences are B - A.
        evaluation: how many samples are drawn of both and what is measured on them. Empty: the full size.
        out: file for the page, or an existing folder for a file named after both models. Empty: only MLflow keeps it.
    """
    home = Home.from_environment().create()
    with shown_in_prefect():
        models = find_models(home, a, b)
        if models is None:
            get_run_logger().info("Nothing is compared: no version but %s is registered.", b)
            return None
        page = (
            out / f"comparison-{'-'.join(model.short_name for model in models)}.html" if out and out.is_dir() else out
        )
        config = evaluation or EvaluationConfig()
        first, second = (_evaluate(home, model, config, side) for model, side in zip(models, ("a", "b"), strict=True))
        comparison = compare_evaluations(home, models, (first.value, second.value))
        run_id = publish_comparison(home, comparison, models, page)
        current_progress().finish("compare", f"page {page}" if page else f"MLflow run {run_id}")
    return ComparisonResult(
        a=_compared(models[0], first),
        b=_compared(models[1], second),
        verdict=comparison.verdict.sentence,
        page=page,
        run_id=run_id,
    )


def _evaluate(home: Home, model: ResolvedModel, config: EvaluationConfig, side: str) -> Outcome[Evaluation]:
    with reporting_to(Labelled(current_progress(), side)):
        return make_evaluation(home, model, own_yardstick(home, model), config)


def _compared(model: ResolvedModel, outcome: Outcome[Evaluation]) -> ComparedModel:
    return ComparedModel(
        model_ref=model.ref,
        evaluation_folder=outcome.value.folder,
        report=outcome.value.exact_report(),
        cached=outcome.cached,
    )


if __name__ == "__main__":
    compare(sys.argv[1], sys.argv[2], out=Path(sys.argv[3]))
