"""Which version is the champion: the alias moves only to one that is better, and every version says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from evaluation.promotion_rule import HeadlineScores, PromotionVerdict, judge_candidate
from tracking.release_note import STANDING, difference_table, version_link, with_sections
from tracking.store import mlflow_lock, open_store
from tracking.versions import CHAMPION, FORMER_CHAMPION, MODEL_NAME, PROMOTION_TAG, STANDING_TAG, version_aliases

if TYPE_CHECKING:
    from mlflow import MlflowClient


class Promotion(BaseModel):
    """The outcome for one version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    promoted: bool = Field(description="Whether the version is the champion now.")
    why: str = Field(description="The reason, in words for its reader.")


class PromotionError(ValueError):
    """A version cannot be judged; the message says what to do."""


def promote_by_standing(home: Home, *, version: int, even_if_not_better: bool = False) -> Promotion:
    """Move the alias `champion` to `version` if the scores that stand on it are better than the champion's by the rule
    of `evaluation.promotion_rule`; say why, or why not, in the version's tag ``promotion``.

    Calling it again changes nothing.

    Args:
        home: the home directory.
        version: number of a registered version.
        even_if_not_better: make it the champion whatever the rule says; its tag ``promotion`` says so.

    Raises:
        PromotionError: there is no such version, or it was never evaluated.
    """
    from mlflow.exceptions import MlflowException

    ref = f"models:/{MODEL_NAME}/{version}"
    try:
        tags = open_store(home).get_model_version(MODEL_NAME, str(version)).tags
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise PromotionError(f"{ref} does not exist; `flipbook models` lists the versions.") from None
    if STANDING_TAG not in tags:
        raise PromotionError(f"{ref} was never evaluated; `flipbook evaluate --model {ref}` scores it.")
    standing = HeadlineScores.model_validate_json(tags[STANDING_TAG])
    return _promote(home, version=version, standing=standing, even_if_not_better=even_if_not_better)


def _promote(home: Home, *, version: int, standing: HeadlineScores, even_if_not_better: bool) -> Promotion:
    client = open_store(home)
    with mlflow_lock(home):
        champion = version_aliases(client).get(CHAMPION)
        if champion == version:
            tags = client.get_model_version(MODEL_NAME, str(version)).tags
            return Promotion(promoted=True, why=tags.get(PROMOTION_TAG) or f"version {version} is the champion already")
        theirs = _standing_on(client, champion)
        verdict = _judge(standing, champion, theirs)
        promoted = verdict.better or even_if_not_better
        present = client.get_model_version(MODEL_NAME, str(version)).tags.get(PROMOTION_TAG, "")
        if present.startswith(FORMER_CHAMPION) and not promoted:  # it says more, and stays true
            return Promotion(promoted=False, why=present)
        why = f"{'promoted' if promoted else 'not promoted'}: {verdict.why}"
        if promoted and not verdict.better:
            why = f"promoted by hand, although {verdict.why}"
        table = ""
        if theirs is not None and theirs.world == standing.world:
            table = difference_table(standing, theirs, champion_name=f"version {champion}")
        words = "**Champion**" if promoted else "Not the champion"
        _say(client, version, why, note=f"{words}, {why}.\n\n{table}")
        if promoted and champion is not None:
            past = f"{FORMER_CHAMPION} {version}: {why.partition(': ')[2] or why}"
            note = past.replace(f"version {version}", version_link(version), 1)
            _say(client, champion, past, note=f"{note[0].upper()}{note[1:]}.")
        if promoted:  # last, so that whoever is interrupted before begins again
            client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
        return Promotion(promoted=promoted, why=why)


def _say(client: MlflowClient, version: int, why: str, *, note: str) -> None:
    """Write `why` to the version's tag, and `note` to its page."""
    client.set_model_version_tag(MODEL_NAME, str(version), PROMOTION_TAG, why)
    description = client.get_model_version(MODEL_NAME, str(version)).description or ""
    client.update_model_version(MODEL_NAME, str(version), description=with_sections(description, {STANDING: note}))


def _standing_on(client: MlflowClient, version: int | None) -> HeadlineScores | None:
    """The scores that the last evaluation has left on a version; None where there was none."""
    if version is None:
        return None
    tag = client.get_model_version(MODEL_NAME, str(version)).tags.get(STANDING_TAG)
    return HeadlineScores.model_validate_json(tag) if tag else None


def _judge(candidate: HeadlineScores, champion: int | None, theirs: HeadlineScores | None) -> PromotionVerdict:
    if champion is not None and theirs is None:
        return PromotionVerdict(
            False,
            f"the champion, version {champion}, was never evaluated; run `flipbook evaluate --model "
            f"models:/{MODEL_NAME}/{champion}` and promote this version again",
        )
    return judge_candidate(candidate, theirs, champion_name=f"version {champion}")
