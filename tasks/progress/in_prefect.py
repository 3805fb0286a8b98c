"""The progress of a run on Prefect's pages: one progress artifact per step, and a line in the log now and then.

A thread sends the newest value of each step. A server that does not answer therefore never holds up the work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from logging import Logger, LoggerAdapter
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run, task_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tasks.progress.progress import is_watched, reporting_to

SECONDS_BETWEEN_UPDATES = 5.0
SECONDS_BETWEEN_LINES = 15.0
ANSWER_SECONDS = 5.0  # a value that the server does not take within this time is sent again later
LAST_SECONDS = 15.0  # how long the end of a run waits until the last values are taken


@dataclass
class _Step:
    """A step, with the value that is to be shown and the run that it belongs to."""

    name: str
    total: int
    logger: Logger | LoggerAdapter[Any]
    flow_run_id: str | None
    task_run_id: str | None
    logged: float
    share: float = 0.0  # per cent
    text: str = ""
    changed: bool = True
    artifact: UUID | None = None


class RunProgress:
    """Receives the progress of steps, from any thread, and shows it in Prefect until the end of its block.

    The end of the block waits for the last values to be sent, for at most 15 s.
    """

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._away = False
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(LAST_SECONDS)

    def start(self, step: str, total: int) -> None:
        """Begin the artifact `progress-STEP`; another one if the step is tried again."""
        known = _Step(
            name=step,
            total=total,
            logger=get_run_logger(),
            flow_run_id=flow_run.get_id(),
            task_run_id=task_run.get_id(),
            logged=time.monotonic(),
            text=f"{step}: 0 of {total:,}",
        )
        with self._lock:
            self._steps[step] = known
        known.logger.info("%s: 0 of %d", step, total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Change what the artifact is to show, and log a line every 15 s. Returns at once."""
        known = self._steps.get(step)
        if known is None:
            return
        text = f"{step}: {completed:,} of {known.total:,}  {detail}".rstrip()
        self._show(known, 100 * completed / max(known.total, 1), text)
        if time.monotonic() - known.logged >= SECONDS_BETWEEN_LINES:
            known.logged = time.monotonic()
            known.logger.info(text)

    def finish(self, step: str, detail: str = "") -> None:
        """Fill the bar."""
        text = f"{step}: done, {detail}" if detail else f"{step}: done"
        if known := self._steps.get(step):
            self._show(known, 100.0, text)
        get_run_logger().info(text)

    def _show(self, step: _Step, share: float, text: str) -> None:
        with self._lock:
            step.share, step.text, step.changed = round(share, 2), text, True

    def _run(self) -> None:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),  # the next value is worth more than this one
            get_client(sync_client=True, httpx_settings={"timeout": ANSWER_SECONDS}) as client,
        ):
            while not self._ended.wait(SECONDS_BETWEEN_UPDATES):
                self._send_all(client)
            while not self._send_all(client):
                time.sleep(SECONDS_BETWEEN_UPDATES)

    def _send_all(self, client: SyncPrefectClient) -> bool:
        """Send the values that have changed. Returns whether the server has taken all of them."""
        with self._lock:
            changed = [step for step in self._steps.values() if step.changed]
        return all(self._send(client, step) for step in changed)

    def _send(self, client: SyncPrefectClient, step: _Step) -> bool:
        with self._lock:
            share, text, step.changed = step.share, step.text, False
        try:
            if step.artifact is None:
                artifact = ArtifactCreate(
                    type="progress",
                    key=f"progress-{step.name}",
                    description=text,
                    data=share,
                    flow_run_id=UUID(step.flow_run_id) if step.flow_run_id else None,
                    task_run_id=UUID(step.task_run_id) if step.task_run_id else None,
                )
                step.artifact = client.create_artifact(artifact).id
            else:
                client.update_artifact(step.artifact, ArtifactUpdate(description=text, data=share))
        except Exception as error:  # no error here may end the work whose progress is shown
            if not self._away:
                step.logger.warning(
                    "Prefect takes no progress (%s: %s). The work goes on.", type(error).__name__, error
                )
            self._away = step.changed = True
            return False
        if self._away:
            step.logger.info("Prefect takes progress again.")
        self._away = False
        return True


@contextmanager
def shown_in_prefect() -> Iterator[None]:
    """Within the block, a run of a deployment shows its progress in Prefect. Other runs leave it to their starter."""
    if deployment.id is None or is_watched():
        yield
        return
    with RunProgress() as progress, reporting_to(progress):
        yield
