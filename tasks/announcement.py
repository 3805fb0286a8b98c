"""The event that tells of a new version, so that automations can act on it: evaluate it, for example.

Event `flipbook.model-version.registered` on the resource `flipbook.model-version.<N>`. Its label `flipbook.ref` is the
reference to evaluate; its label `flipbook.awaits-evaluation` is "false" where somebody is about to do that already.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from tasks.home import Home
from tasks.mlflow_store import mlflow_lock, open_store
from tasks.registry import (
    ANNOUNCED_TAG,
    MODEL_NAME,
    NOT_YET,
    STANDING_TAG,
    ModelVersion,
    registered_versions,
    version_record,
)
from tasks.shown_uri import shown, shown_text

EVENT = "flipbook.model-version.registered"
RESOURCE = "flipbook.model-version"

_logger = logging.getLogger("flipbook.announcement")


def announce_if_new(home: Home, version: ModelVersion, *, awaits_evaluation: bool) -> bool:
    """Emit the event for a version that was registered with the announcement still to come; never twice.

    Without a Prefect API (outside a flow and without PREFECT_API_URL, or where it does not answer) nothing is emitted;
    :func:`announce_unscored` makes up for it.

    Args:
        home: the home directory.
        version: as `register_version` has returned it.
        awaits_evaluation: whether nobody is about to evaluate it.

    Returns:
        Whether the event was emitted.
    """
    tags = open_store(home).get_model_version(MODEL_NAME, str(version.version)).tags
    return tags.get(ANNOUNCED_TAG) == NOT_YET and _announce(home, version, awaits_evaluation=awaits_evaluation)


def announce_unscored(home: Home) -> list[ModelVersion]:
    """Emit the event for every version that was never evaluated nor announced, however it was registered.

    Returns:
        The versions that were announced, oldest first; none where no Prefect API answers.
    """
    client = open_store(home)
    waiting = [
        version_record(client, found)
        for found in reversed(registered_versions(client))
        if STANDING_TAG not in found.tags and found.tags.get(ANNOUNCED_TAG, NOT_YET) == NOT_YET
    ]
    return [version for version in waiting if _announce(home, version, awaits_evaluation=True)]


def _announce(home: Home, version: ModelVersion, *, awaits_evaluation: bool) -> bool:
    if not _api_answers():
        return False
    # Marked first: an event that is lost with a killed process costs an evaluation by hand, one that comes twice starts
    # two of them.
    client = open_store(home)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with mlflow_lock(home):
        tags = client.get_model_version(MODEL_NAME, str(version.version)).tags
        if tags.get(ANNOUNCED_TAG, NOT_YET) != NOT_YET:
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
    """Whether there is a Prefect API to send events to; no server is started for it."""
    from prefect.client.orchestration import get_client
    from prefect.context import FlowRunContext
    from prefect.settings import PREFECT_API_URL

    if FlowRunContext.get() is not None:
        return True
    if PREFECT_API_URL.value() is None:
        return False
    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    if error is not None:
        where = shown(PREFECT_API_URL.value())
        _logger.warning("No event is emitted: Prefect at %s does not answer (%s).", where, shown_text(str(error)))
    return error is None
