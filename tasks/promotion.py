"""Which version is the champion: the alias moves only to one that is better, and every version says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from evaluation.comparison import Standing, Verdict, compare, standing_of
from evaluation.report import EvaluationReport
from tasks.home import Home
from tasks.mlflow_store import mlflow_lock, open_store
from tasks.registry import CHAMPION, MODEL_NAME, PROMOTION_TAG, STANDING_TAG, version_aliases

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Promotion(BaseModel):
    """The outcome for one version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    promoted: bool = Field(description="Whether the version is the champion now.")
    why: str = Field(description="The reason, in words for its reader.")


def promote_if_better(home: Home, *, version: int, report: EvaluationReport) -> Promotion:
    """Move the alias `champion` to `version` if its `report` is better than the champion's by the rule of
    :func:`evaluation.comparison.compare`; say why, or why not, in the version's tag ``promotion``.

    The first version that is evaluated becomes the champion. Calling it again changes nothing.

    Args:
        home: the home directory.
        version: number of a registered version.
        report: its evaluation.
    """
    client = open_store(home)
    with mlflow_lock(home):
        champion = version_aliases(client).get(CHAMPION)
        if champion == version:
            tags = client.get_model_version(MODEL_NAME, str(version)).tags
            return Promotion(promoted=True, why=tags.get(PROMOTION_TAG) or f"version {version} is the champion already")
        verdict = _judge(client, standing_of(report), champion)
        why = f"{'promoted' if verdict.better else 'not promoted'}: {verdict.why}"
        if verdict.better:
            client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
            if champion is not None:
                client.set_model_version_tag(
                    MODEL_NAME, str(champion), PROMOTION_TAG, f"was the champion until version {version}: {verdict.why}"
                )
        client.set_model_version_tag(MODEL_NAME, str(version), PROMOTION_TAG, why)
        return Promotion(promoted=verdict.better, why=why)


def _judge(client: MlflowClient, candidate: Standing, champion: int | None) -> Verdict:
    if champion is None:
        return Verdict(True, f"the first champion, with held-out joint exact {100 * candidate.held_out.value:.1f} %")
    tag = client.get_model_version(MODEL_NAME, str(champion)).tags.get(STANDING_TAG)
    if tag is None:
        return Verdict(
            False,
            f"the champion, version {champion}, was never evaluated; run `flipbook evaluate --model "
            f"models:/{MODEL_NAME}/{champion}` and evaluate this version again",
        )
    return compare(candidate, Standing.model_validate_json(tag), champion_name=f"version {champion}")
