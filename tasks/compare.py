"""The tasks of a comparison: the two models, the page, and what MLflow and Prefect keep of it."""

from __future__ import annotations

from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from data.files import write_atomically
from data.home import Home
from evaluation.comparison.text import comparison_markdown
from evaluation.comparison.two_models import Comparison
from tasks.evaluation.evaluate import Evaluation
from tasks.evaluation.publish import link_to_mlflow
from tasks.retrying import MLFLOW_ATTEMPTS, retried
from tracking.model_reference import resolve_model
from tracking.results.comparison import Pair, compared_model, opponent_of, record_comparison, resolve_pair

COMPARISON_KEY = "comparison"


@task(name="find-models", **retried())
def find_models(home: Home, a: str, b: str) -> Pair | None:
    """The models that `a` and `b` name. If `a` is empty, it is the model that `b` has to be measured against.

    Returns None if `a` is empty and there is no other version.

    Raises:
        ModelReferenceError: a name leads to no model.
        ComparisonError: the two cannot be compared.
    """
    model = resolve_model(home, b)
    opponent = a or opponent_of(home, model)
    return None if opponent is None else resolve_pair(home, opponent, model)


@task(name="compare", **retried())
def compare_evaluations(home: Home, models: Pair, evaluations: tuple[Evaluation, Evaluation]) -> Comparison:
    """Both models with their evaluations, and with what MLflow knows of them."""
    a, b = (
        compared_model(home, model, report=evaluation.exact_report(), videos=evaluation.videos)
        for model, evaluation in zip(models, evaluations, strict=True)
    )
    return Comparison(a, b)


@task(name="publish-comparison", **retried(MLFLOW_ATTEMPTS))
def publish_comparison(home: Home, comparison: Comparison, models: Pair, out: Path | None) -> str:
    """Write the comparison's page to `out` if that is given, record it in MLflow, and show the verdict in Prefect.

    Returns the id of the MLflow run that holds the page and the differences.
    """
    from evaluation.comparison.page import comparison_page

    page = comparison_page(comparison)
    if out is not None:
        write_atomically(out, page.encode())
    run_id = record_comparison(home, comparison, models=models, page=page)
    where = f"\n\nThe page is also in `{out}`." if out is not None else ""
    create_markdown_artifact(
        f"## {comparison.a.name} and {comparison.b.name}\n\n{comparison_markdown(comparison)}\n"
        f"{link_to_mlflow(home, run_id, 'Page with the videos of every prompt, in MLflow', page='/artifacts')}{where}",
        key=COMPARISON_KEY,
        description=f"Comparison of A, {comparison.a.facts['Model']}, and B, {comparison.b.facts['Model']}",
    )
    return run_id
