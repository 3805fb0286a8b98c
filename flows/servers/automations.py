"""What Prefect's server does by itself: a run whose worker has died goes back into the queue.

A killed worker leaves its runs Running or Pending for ever, because no process is left that could report their end.
Four automations notice that. They act on runs with the tag `flipbook`, which all deployments of this project have.

* A running flow says every 30 s that it is alive. If it falls silent, it has crashed.
* A crashed run is started again, at most twice after it has begun. A run whose process could not begin, because the
  server was away for example, is started again until the last rule applies.
* A run that has not begun some minutes after a worker took it is queued again.
* A run that has crashed five times before it began has failed, for example because its code cannot be imported.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.servers.heartbeat import OUR_TAG, SILENCE_SECONDS

CRASHED_SECONDS = 15  # the run and its worker both report a crash, some seconds apart
PENDING_SECONDS = 300  # a busy machine needs a minute or two to import everything
RESCHEDULED_AT_MOST = 2
STARTS_AT_MOST = 5
CRASH_SILENT = "flipbook: a run without a sign of life has crashed"
RESCHEDULE_CRASHED = "flipbook: start a crashed run again"
RESCHEDULE_PENDING = "flipbook: queue a run again that does not begin"
GIVE_UP = "flipbook: a run that never begins has failed"
_ENDS = ("Completed", "Failed", "Cancelled", "Paused", "Suspended")
_QUEUED = ("Scheduled", "AwaitingRetry", "Late")
_OURS = ResourceSpecification({"prefect.resource.role": ["tag"], "prefect.resource.id": [f"prefect.tag.{OUR_TAG}"]})


def automations() -> list[Automation]:
    """The automations that belong to the deployments."""
    again = ChangeFlowRunState(
        state=StateType.SCHEDULED,
        name="AwaitingRetry",
        message="Its worker or its process has died. It goes on as soon as a worker takes it.",
    )
    crashed = ChangeFlowRunState(
        state=StateType.CRASHED,
        message=f"No sign of life for {SILENCE_SECONDS} s: its process or its machine is gone.",
    )
    heartbeat = "prefect.flow-run.heartbeat"
    return [
        Automation(
            name=CRASH_SILENT,
            description=f"Marks a run as crashed that has sent no heartbeat for {SILENCE_SECONDS} s.",
            trigger=_missing({heartbeat}, {heartbeat, *_states(*_ENDS, "Crashed", "AwaitingRetry")}, SILENCE_SECONDS),
            actions=[crashed],
        ),
        Automation(
            name=RESCHEDULE_CRASHED,
            description="Puts a crashed run back into the queue, where it keeps what is done. "
            f"A run that has begun is put back at most {RESCHEDULED_AT_MOST} times.",
            trigger=_missing(
                _states("Crashed"),
                _states(*_ENDS, *_QUEUED, "Pending", "Submitting", "Running"),
                CRASHED_SECONDS,
                counts=[str(count) for count in range(RESCHEDULED_AT_MOST + 1)],
            ),
            actions=[again],
        ),
        Automation(
            name=RESCHEDULE_PENDING,
            description=f"Puts a run back into the queue that a worker took {PENDING_SECONDS} s ago, and that has not "
            "begun since. Its worker has died, or its code cannot be loaded: then the worker's log tells why.",
            trigger=_missing(
                _states("Pending", "Submitting"),
                _states(*_ENDS, *_QUEUED, "Crashed", "Running"),
                PENDING_SECONDS,
                on_processes=True,
            ),
            actions=[again],
        ),
        Automation(
            name=GIVE_UP,
            description=f"Fails a run that has crashed {STARTS_AT_MOST} times at the same count of starts.",
            trigger=EventTrigger(
                expect=_states("Crashed"),
                match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
                match_related=[_OURS],
                for_each={"prefect.resource.id", "prefect.run-count"},
                posture=Posture.Reactive,
                threshold=STARTS_AT_MOST,
                within=timedelta(seconds=2 * STARTS_AT_MOST * PENDING_SECONDS),
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.FAILED,
                    message=f"It has crashed {STARTS_AT_MOST} times before it began. Its worker's log tells why. "
                    "Correct that, and retry the run.",
                )
            ],
        ),
    ]


def ensure_automations() -> None:
    """Make the automations. An automation that has changed is replaced, and stays off if somebody has switched it off.

    An unchanged automation is not updated: after an update the server would also act on the old trigger until it
    restarts.
    """
    for wanted in automations():
        try:
            known = cast(Automation, Automation.read(name=wanted.name))  # not awaited: there is no event loop here
        except ValueError:  # there is no automation with this name
            wanted.create()
            continue
        if _content(known) != _content(wanted):
            known.delete()
            wanted.enabled = known.enabled
            wanted.create()


def _states(*names: str) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}


def _missing(
    after: set[str],
    expected: set[str],
    seconds: int,
    *,
    counts: list[str] | None = None,
    on_processes: bool = False,
) -> EventTrigger:
    """Fires for each run of ours for which nothing `expected` follows within `seconds` of an event in `after`.

    Args:
        after: names of the events that start the clock.
        expected: names of the events that stop it.
        seconds: time between the two.
        counts: how often the run may have begun so far; any number if None.
        on_processes: only runs of work pools of the type `process`. A cluster may rightly take an hour to start a run.
    """
    labels: dict[str, str | list[str]] = {"prefect.resource.id": ["prefect.flow-run.*"]}
    related = [_OURS]
    if on_processes:
        pool = {"prefect.resource.role": ["work-pool"], "prefect.work-pool.type": ["process"]}
        related.append(ResourceSpecification(dict(pool)))
    return EventTrigger(
        after=after,
        expect=expected,
        match=ResourceSpecification(labels | ({"prefect.run-count": counts} if counts else {})),
        match_related=related,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=seconds),
    )


def _content(automation: Automation) -> dict[str, Any]:
    content = automation.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    for name in ("after", "expect", "for_each"):  # sets
        content["trigger"][name] = sorted(content["trigger"][name])
    return content
