"""The flow that compares two models: both are evaluated in the same way, and laid side by side on one page.

python -m flows.compare models:/flipbook/1 models:/flipbook@champion comparison.html
"""

import sys
from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from evaluation.config import EvaluationConfig
from flows.evaluate import EvaluationResult, evaluation_only
from tasks.compare import compare_models, find_models, publish_comparison, record, write_page
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import Labelled, current_progress, reporting_to


class ComparisonResult(BaseModel):
    """What a comparison of two models gave."""

    model_config = ConfigDict(frozen=True)

    a: EvaluationResult = Field(description="The evaluation of A.")
    b: EvaluationResult = Field(description="The evaluation of B.")
    verdict: str = Field(description="Which is better, in a sentence or two.")
    page: Path | None = Field(description="Where the page was written; None where only MLflow keeps it.")
    run_id: str = Field(description="The MLflow run that holds the page and the differences.")


@flow(name="compare")
def compare(
    a: str = "",
    b: str = "models:/flipbook/latest",
    evaluation: EvaluationConfig | None = None,
    out: Path | None = None,
) -> ComparisonResult | None:
    """Compares the models that `a` and `b` name, on one page with the scores and videos of both.

    Args:
        a: models:/flipbook@champion, models:/flipbook/3, runs:/RUN_ID/model, or the path of a checkpoint. Empty: the
            champion; where `b` is the champion, the champion before it, else the newest other version. Nothing is
            compared where there is no other.
        b: the other model, named in the same way; all differences are B - A.
        evaluation: how many samples are drawn of both and what is measured on them; empty: the full size.
        out: file for the page; empty: only MLflow keeps it.
    """
    home = Home.from_environment().create()
    with shown_in_prefect():
        models = find_models(home, a, b)
        if models is None:
            get_run_logger().info("Nothing is compared: no version but %s is registered.", b)
            return None
        config = evaluation or EvaluationConfig()
        first, second = (_evaluated(model.ref, config, side) for model, side in zip(models, ("a", "b"), strict=True))
        comparison = compare_models(
            home, models, (first.report, second.report), (first.evaluation_folder, second.evaluation_folder)
        )
        page = write_page(comparison, out)
        run_id = record(home, comparison, models, page)
        publish_comparison(home, comparison, run_id, out)
        current_progress().finish("compare", f"page {out}" if out else f"MLflow run {run_id}")
    return ComparisonResult(a=first, b=second, verdict=comparison.judgement.sentence, page=out, run_id=run_id)


def _evaluated(ref: str, config: EvaluationConfig, side: str) -> EvaluationResult:
    with reporting_to(Labelled(current_progress(), side)):
        return evaluation_only(ref, config)


if __name__ == "__main__":
    compare(sys.argv[1], sys.argv[2], out=Path(sys.argv[3]))
