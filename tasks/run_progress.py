"""Progress of a run where Prefect's pages show it: a progress artifact a step, and a line in the log now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.runtime import deployment

from tasks.progress import is_watched, reporting_to

SECONDS_BETWEEN_UPDATES = 5.0
SECONDS_BETWEEN_LINES = 15.0


@dataclass
class _Step:
    total: int
    artifact: UUID | None
    updated: float
    logged: float


class RunProgress:
    """The sink of a run whose progress somebody may follow on Prefect's pages."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}

    def start(self, step: str, total: int) -> None:
        """Makes the step's artifact `progress-STEP`, or sets it back for another try."""
        now = time.monotonic()
        text = f"{step}: 0 of {total:,}"
        self._steps[step] = _Step(total=total, artifact=_made(step, text), updated=now, logged=now)
        get_run_logger().info("%s: 0 of %d", step, total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Moves the artifact every five seconds, and logs every fifteen."""
        now, known = time.monotonic(), self._steps.get(step)
        if known is None:
            return
        if now - known.updated >= SECONDS_BETWEEN_UPDATES:
            known.updated = now
            share = 100 * completed / max(known.total, 1)
            _move(known.artifact, share, f"{step}: {completed:,} of {known.total:,}  {detail}")
        if now - known.logged >= SECONDS_BETWEEN_LINES:
            known.logged = now
            get_run_logger().info("%s: %d of %d  %s", step, completed, known.total, detail)

    def finish(self, step: str, detail: str = "") -> None:
        """Fills the bar."""
        known = self._steps.pop(step, None)
        text = f"{step}: done, {detail}" if detail else f"{step}: done"
        if known is not None:
            _move(known.artifact, 100.0, text)
        get_run_logger().info(text)


def _made(step: str, text: str) -> UUID | None:
    """The step's artifact; None where the server is away, which must not end the work that it was to show."""
    try:
        return cast(UUID, create_progress_artifact(0.0, key=f"progress-{step}", description=text))
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        get_run_logger().warning("Prefect took no progress (%s)", error)
        return None


def _move(artifact: UUID | None, share: float, text: str) -> None:
    """Nor may it end the work later."""
    if artifact is None:
        return
    try:
        update_progress_artifact(artifact, progress=share, description=text.rstrip())
    except (httpx.HTTPError, PrefectHTTPStatusError) as error:
        get_run_logger().warning("Prefect took no progress (%s)", error)


@contextmanager
def shown_in_prefect() -> Iterator[None]:
    """Within the block, a run of a deployment shows its progress in Prefect; others leave it to who started them."""
    with nullcontext() if deployment.id is None or is_watched() else reporting_to(RunProgress()):
        yield
