"""Progress of a run where Prefect's pages show it: a progress artifact a step, and a line in the log now and then.

The artifacts are sent by a thread that keeps only the newest value of each step: a server that does not answer, which
Prefect's client would wait for for minutes, does not hold up the work that is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run, task_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tasks.progress.progress import is_watched, reporting_to

SECONDS_BETWEEN_UPDATES = 5.0
SECONDS_BETWEEN_LINES = 15.0
ANSWER_SECONDS = 5.0  # what comes later is sent again, with the value of then
PAUSE_SECONDS = 5.0  # before a server that did not take a value is asked again
LAST_SECONDS = 15.0  # how long the end of a run waits for its last values to be taken


@dataclass
class _Step:
    """A step that is shown."""

    name: str
    total: int
    updated: float
    logged: float
    context: Context = field(default_factory=copy_context)
    """The run that began it, for what is done on its behalf in the thread."""
    artifact: UUID | None = None


@dataclass(frozen=True)
class _Value:
    """What a step's artifact is to show: a share in per cent, and a text."""

    share: float
    text: str


class RunProgress:
    """The sink of a run whose progress somebody may follow on Prefect's pages. Ends with its block.

    At the end of the block the values that are still to be sent are waited for, 15 s at most.
    """

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._sender = _Sender()

    def __enter__(self) -> Self:
        self._sender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sender.finish(LAST_SECONDS)

    def start(self, step: str, total: int) -> None:
        """Makes the step's artifact `progress-STEP`, or a new one for another try."""
        now = time.monotonic()
        self._steps[step] = known = _Step(name=step, total=total, updated=now, logged=now)
        self._sender.send(known, _Value(0.0, f"{step}: 0 of {total:,}"))
        get_run_logger().info("%s: 0 of %d", step, total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Moves the artifact every five seconds, and logs every fifteen. Returns at once."""
        now, known = time.monotonic(), self._steps.get(step)
        if known is None:
            return
        if now - known.updated >= SECONDS_BETWEEN_UPDATES:
            known.updated = now
            share = 100 * completed / max(known.total, 1)
            self._sender.send(known, _Value(share, f"{step}: {completed:,} of {known.total:,}  {detail}".rstrip()))
        if now - known.logged >= SECONDS_BETWEEN_LINES:
            known.logged = now
            get_run_logger().info("%s: %d of %d  %s", step, completed, known.total, detail)

    def finish(self, step: str, detail: str = "") -> None:
        """Fills the bar."""
        known = self._steps.pop(step, None)
        text = f"{step}: done, {detail}" if detail else f"{step}: done"
        if known is not None:
            self._sender.send(known, _Value(100.0, text))
        get_run_logger().info(text)


class _Sender:
    """Sends the newest value of each step from a thread of its own; what was not taken is offered again."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[_Step, _Value]] = {}
        self._changed = threading.Condition()
        self._last = self._given_up = False
        self._is_away = False
        run = partial(copy_context().run, self._run)  # with the settings of this thread
        self._thread = threading.Thread(target=run, name="progress-sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def send(self, step: _Step, value: _Value) -> None:
        """`value` is the step's newest. Returns at once."""
        with self._changed:
            self._waiting[step.name] = (step, value)
            self._changed.notify_all()

    def finish(self, seconds: float) -> None:
        """Send what waits, and end; what was not taken within `seconds` is lost."""
        with self._changed:
            self._last = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def _run(self) -> None:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),  # a value grows old while it is tried again
            get_client(sync_client=True, httpx_settings={"timeout": ANSWER_SECONDS}) as client,
        ):
            while (found := self._next()) is not None:
                step, value = found
                self._take_note(step, step.context.run(_sent, client, step, value), value)

    def _next(self) -> tuple[_Step, _Value] | None:
        """What is to be sent now, once there is something; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._last)
            if not self._waiting or self._given_up:
                return None
            return self._waiting.pop(next(iter(self._waiting)))

    def _take_note(self, step: _Step, error: Exception | None, value: _Value) -> None:
        logger = step.context.run(get_run_logger)
        if error is None:
            if self._is_away:
                logger.info("Prefect takes progress again.")
            self._is_away = False
            return
        if not self._is_away:
            logger.warning("Prefect takes no progress (%s: %s); the work goes on.", type(error).__name__, error)
        self._is_away = True
        with self._changed:
            self._waiting.setdefault(step.name, (step, value))
            began_last = self._last
            self._changed.wait_for(lambda: self._given_up or self._last != began_last, PAUSE_SECONDS)


def _sent(client: SyncPrefectClient, step: _Step, value: _Value) -> Exception | None:
    """Have the server show `value`; gives what it failed with, which must not end the work that it is to show."""
    share = round(value.share, 2)
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):  # the step's context has settings of its own
            if step.artifact is None:
                step.artifact = client.create_artifact(
                    ArtifactCreate(
                        type="progress",
                        key=f"progress-{step.name}",
                        description=value.text,
                        data=share,
                        flow_run_id=_uuid(flow_run.get_id()),
                        task_run_id=_uuid(task_run.get_id()),
                    )
                ).id
            else:
                client.update_artifact(step.artifact, ArtifactUpdate(description=value.text, data=share))
    except Exception as error:
        return error
    return None


def _uuid(identity: object) -> UUID | None:
    return UUID(str(identity)) if identity else None


@contextmanager
def shown_in_prefect() -> Iterator[None]:
    """Within the block, a run of a deployment shows its progress in Prefect; others leave it to who started them."""
    if deployment.id is None or is_watched():
        yield
        return
    with RunProgress() as progress, reporting_to(progress):
        yield
