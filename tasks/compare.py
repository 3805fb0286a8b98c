"""The tasks of a comparison: the two models, the page, its record in MLflow, and what Prefect shows of it."""

from __future__ import annotations

from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from data.files import write_atomically
from data.home import Home
from evaluation.comparison.markdown import comparison_markdown
from evaluation.comparison.side_by_side import Comparison
from evaluation.report.report import EvaluationReport
from tasks.cache.policy import retried
from tasks.evaluate import VIDEOS
from tasks.publish import link_to_mlflow
from tracking.contenders import contender, opponent_of, resolve_pair
from tracking.model_references import ResolvedModel
from tracking.results.comparison import record_comparison

COMPARISON_KEY = "comparison"

Pair = tuple[ResolvedModel, ResolvedModel]


@task(name="find-models", cache_policy=NO_CACHE, persist_result=False, **retried())
def find_models(home: Home, a: str, b: str) -> Pair | None:
    """The models that `a` and `b` name. Raises where there is none, or where they cannot be compared.

    Where `a` is empty, it is the model that `b` has to be measured against; None where there is no other version.
    """
    opponent = a or opponent_of(home, b)
    return None if opponent is None else resolve_pair(home, opponent, b)


@task(name="compare", cache_policy=NO_CACHE, persist_result=False, **retried())
def compare_models(
    home: Home, models: Pair, reports: tuple[EvaluationReport, EvaluationReport], folders: tuple[Path, Path]
) -> Comparison:
    """Both models with their evaluations, which lie in `folders`, and with what MLflow knows of them."""
    a, b = (
        contender(home, model, report=report, videos=folder / VIDEOS)
        for model, report, folder in zip(models, reports, folders, strict=True)
    )
    return Comparison(a, b)


@task(name="write-page", cache_policy=NO_CACHE, persist_result=False, **retried())
def write_page(comparison: Comparison, out: Path | None) -> str:
    """The page of the comparison as HTML; also written to `out`, where that is given."""
    from evaluation.comparison.page import comparison_page

    page = comparison_page(comparison)
    if out is not None:
        write_atomically(out, page.encode())
    return page


@task(name="record-comparison", cache_policy=NO_CACHE, persist_result=False, **retried())
def record(home: Home, comparison: Comparison, models: Pair, page: str) -> str:
    """Puts page and differences into MLflow. Returns the id of the run that holds them."""
    return record_comparison(home, comparison, models=models, page=page)


@task(name="publish-comparison", cache_policy=NO_CACHE, persist_result=False, **retried())
def publish_comparison(home: Home, comparison: Comparison, run_id: str, out: Path | None) -> None:
    """Makes the flow run's artifact `comparison`: the verdict, a row a tier, and where the page is."""
    names = f"A, {comparison.a.facts['Model']}, and B, {comparison.b.facts['Model']}"
    where = f"\n\nThe page lies in `{out}` too." if out is not None else ""
    create_markdown_artifact(
        f"## {comparison.a.name} and {comparison.b.name}\n\n{comparison_markdown(comparison)}\n"
        f"{link_to_mlflow(home, run_id, 'Page with the videos of every prompt, in MLflow', page='/artifacts')}{where}",
        key=COMPARISON_KEY,
        description=f"Comparison of {names}",
    )
