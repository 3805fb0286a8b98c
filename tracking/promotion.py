"""The champion: the alias moves only to a better version, and each version says why it is, or is not, the champion."""

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
    why: str = Field(description="The reason, in words for people.")


class PromotionError(ValueError):
    """A version cannot be judged; the message says what to do."""


class NotPromotedError(ValueError):
    """A version is no better than the champion. The message says why."""


def promote(home: Home, version: int, *, even_if_not_better: bool = False) -> Promotion:
    """Move the alias `champion` to `version` if its scores are better than the champion's.

    The version's tag ``promotion`` and its page say why it was promoted, or why not. A second call changes nothing.

    Args:
        home: the home directory.
        version: number of a registered version.
        even_if_not_better: make it the champion whatever the rule says. The tag and the page say so.

    Raises:
        PromotionError: there is no such version, or it has no scores.
    """
    client = open_store(home)
    with mlflow_lock(home):
        tags = _tags(client, version)
        ref = f"models:/{MODEL_NAME}/{version}"
        if tags is None:
            raise PromotionError(f"{ref} does not exist. `flipbook models` lists the versions.")
        standing = _standing(tags)
        if standing is None:
            raise PromotionError(f"{ref} was never evaluated. `flipbook evaluate --model {ref}` scores it.")
        present = tags.get(PROMOTION_TAG, "")
        champion = version_aliases(client).get(CHAMPION)
        if champion == version:
            return Promotion(promoted=True, why=present or f"version {version} is the champion already")
        theirs = _standing(_tags(client, champion) or {}) if champion is not None else None
        verdict = _judge(standing, champion, theirs)
        promoted = verdict.better or even_if_not_better
        if present.startswith(FORMER_CHAMPION) and not promoted:  # this says more, and stays true
            return Promotion(promoted=False, why=present)
        why = f"{'promoted' if promoted else 'not promoted'}: {verdict.why}"
        if promoted and not verdict.better:
            why = f"promoted by hand, although {verdict.why}"
        table = ""
        if theirs is not None and theirs.scored_on == standing.scored_on:
            table = difference_table(standing, theirs, champion_name=f"version {champion}")
        _say_standing(client, version, why, f"{'**Champion**' if promoted else 'Not the champion'}, {why}.\n\n{table}")
        if promoted and champion is not None:
            past = f"{FORMER_CHAMPION} {version}: {why.partition(': ')[2] or why}"
            note = past.replace(f"version {version}", version_link(version), 1)
            _say_standing(client, champion, past, f"{note[0].upper()}{note[1:]}.")
        if promoted:  # last, so that a call that was interrupted begins again
            client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
        return Promotion(promoted=promoted, why=why)


def _say_standing(client: MlflowClient, version: int, why: str, note: str) -> None:
    """Write `why` to the version's tag ``promotion``, and `note` to the section *Standing* of its page."""
    client.set_model_version_tag(MODEL_NAME, str(version), PROMOTION_TAG, why)
    description = client.get_model_version(MODEL_NAME, str(version)).description or ""
    client.update_model_version(MODEL_NAME, str(version), description=with_sections(description, {STANDING: note}))


def _tags(client: MlflowClient, version: int) -> dict[str, str] | None:
    from mlflow.exceptions import MlflowException

    try:
        return dict(client.get_model_version(MODEL_NAME, str(version)).tags)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _standing(tags: dict[str, str]) -> HeadlineScores | None:
    """The scores that the version's last evaluation has left in its tags."""
    return HeadlineScores.model_validate_json(tags[STANDING_TAG]) if STANDING_TAG in tags else None


def _judge(candidate: HeadlineScores, champion: int | None, theirs: HeadlineScores | None) -> PromotionVerdict:
    if champion is not None and theirs is None:
        return PromotionVerdict(
            False,
            f"the champion, version {champion}, was never evaluated; run `flipbook evaluate --model "
            f"models:/{MODEL_NAME}/{champion}`, then promote this version again",
        )
    return judge_candidate(candidate, theirs, champion_name=f"version {champion}")
