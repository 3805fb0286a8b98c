"""The event that tells of a new version, so that automations can act on it: evaluate it, for example.

Event `flipbook.model-version.registered` on the resource `flipbook.model-version.<N>`. Its label `flipbook.ref` is the
reference to evaluate; its label `flipbook.awaits-evaluation` is "false" where somebody is about to do that already.

The version's tag `announced` says when. A version that has no scores hours after that is announced again: whoever was
to evaluate it has failed, or was not there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from data.home import Home
from tasks.audience import is_private
from tracking.shown_uri import shown, shown_text
from tracking.store import mlflow_lock, open_store
from tracking.versions import (
    ANNOUNCED_TAG,
    MODEL_NAME,
    NOT_YET,
    STANDING_TAG,
    ModelVersion,
    registered_versions,
    version_record,
)

EVENT = "flipbook.model-version.registered"
RESOURCE = "flipbook.model-version"
PATIENCE = timedelta(hours=6)  # for the evaluation of a version that was announced

_logger = logging.getLogger("flipbook.announcement")


def announce_if_new(home: Home, version: ModelVersion, *, awaits_evaluation: bool) -> bool:
    """Emit the event for a version that was registered with the announcement still to come; never twice.

    Without a Prefect API that others use (no PREFECT_API_URL, a server of this run's own, or one that does not answer)
    nothing is emitted; :func:`announce_unscored` makes up for it.

    Args:
        home: the home directory.
        version: as `register_version` has returned it.
        awaits_evaluation: whether nobody is about to evaluate it.

    Returns:
        Whether the event was emitted.
    """
    tags = open_store(home).get_model_version(MODEL_NAME, str(version.version)).tags
    return _is_new(tags) and _announce(home, version, due=_is_new, awaits_evaluation=awaits_evaluation)


def announce_unscored(home: Home) -> list[ModelVersion]:
    """Emit the event for every version without scores, however it was registered, that was not announced lately.

    Returns:
        The versions that were announced, oldest first; none where no Prefect API answers.
    """
    client = open_store(home)
    waiting = [version_record(client, found) for found in reversed(registered_versions(client)) if _is_due(found.tags)]
    return [
        version
        for version in waiting
        if version.digest
        and _announce(home, version, due=_is_due, awaits_evaluation=True)  # else it is no model of ours
    ]


def _is_new(tags: Mapping[str, str]) -> bool:
    return tags.get(ANNOUNCED_TAG) == NOT_YET


def _is_due(tags: Mapping[str, str]) -> bool:
    """Whether a version waits for an evaluation that nobody seems to make."""
    if STANDING_TAG in tags:
        return False
    announced = tags.get(ANNOUNCED_TAG, NOT_YET)
    if announced == NOT_YET:
        return True
    try:
        return datetime.now(UTC) - datetime.fromisoformat(announced) > PATIENCE
    except (ValueError, TypeError):  # a person's own words, or a time without a zone
        return False


def _announce(
    home: Home, version: ModelVersion, *, due: Callable[[Mapping[str, str]], bool], awaits_evaluation: bool
) -> bool:
    if not _api_answers():
        return False
    # Marked first: an event that is lost with a killed process comes again some hours later, one that comes twice at
    # once starts two evaluations.
    client = open_store(home)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with mlflow_lock(home):
        if not due(client.get_model_version(MODEL_NAME, str(version.version)).tags):
            return False
        client.set_model_version_tag(MODEL_NAME, str(version.version), ANNOUNCED_TAG, now)

    from prefect.events import emit_event

    emit_event(
        event=EVENT,
        resource={
            "prefect.resource.id": f"{RESOURCE}.{version.version}",
            "prefect.resource.name": version.ref,
            "flipbook.ref": version.ref,
            "flipbook.awaits-evaluation": "true" if awaits_evaluation else "false",
        },
        payload={"ref": version.ref, "digest": version.digest, "run_id": version.run_id},
    )
    return True


def _api_answers() -> bool:
    """Whether there is a Prefect API whose events others hear; no server is started for it."""
    from prefect.client.orchestration import get_client
    from prefect.context import FlowRunContext
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value() is None or is_private():
        return False
    if FlowRunContext.get() is not None:
        return True
    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    if error is not None:
        where = shown(PREFECT_API_URL.value())
        _logger.warning("No event is emitted: Prefect at %s does not answer (%s).", where, shown_text(str(error)))
    return error is None
