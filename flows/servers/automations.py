"""What the Prefect server does by itself: runs whose worker died are marked as crashed, and put back into the queue.

A killed worker leaves its runs Running for ever, since nobody is left to say otherwise. Runs of deployments send a
heartbeat; when it stays away they are marked as crashed, and a crashed run is scheduled again, at most twice.

A run that dies before it is Running, as one does whose code cannot be imported, is crashed at the same count of runs
each time, so that would go on for ever. What grows is how often it has crashed at that count.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.servers.flow_runs import OUR_TAG
from flows.servers.heartbeat import SILENCE_SECONDS

CRASHED_SECONDS = 15  # both the run's starter and its worker report a crash, some seconds apart
RESCHEDULED_AT_MOST = 2
CRASH_SILENT = "flipbook: a run that has fallen silent has crashed"
RESCHEDULE_CRASHED = "flipbook: a crashed run goes on from where it was"
GIVE_UP = "flipbook: a run that dies again and again before it has begun has failed"
STARTS_AT_MOST = 5  # an event with which the server could not deal is counted again, three times at most
COUNTED_FOR = timedelta(hours=1)
OURS = ResourceSpecification({"prefect.resource.role": ["tag"], "prefect.resource.id": [f"prefect.tag.{OUR_TAG}"]})
"""Runs of this project's deployments: all of them carry its tag."""
_SIGNS_OF_LIFE = (
    "Scheduled",
    "AwaitingRetry",
    "Late",
    "Pending",
    "Submitting",
    "Running",
    "Completed",
    "Failed",
    "Cancelled",
)
_ENDS = ("Completed", "Failed", "Cancelled", "Crashed", "AwaitingRetry", "Paused", "Suspended")


def automations() -> list[Automation]:
    """The automations that belong to the deployments."""
    heartbeat = "prefect.flow-run.heartbeat"
    silent = Automation(
        name=CRASH_SILENT,
        description=f"No heartbeat for {SILENCE_SECONDS} s: the run's process or machine is gone.",
        trigger=EventTrigger(
            after={heartbeat},
            expect={heartbeat, *(f"prefect.flow-run.{state}" for state in _ENDS)},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=OURS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENCE_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No sign of life for {SILENCE_SECONDS} s: its process or its machine is gone.",
            )
        ],
    )
    counts = [str(count) for count in range(RESCHEDULED_AT_MOST + 1)]  # a run may crash before it has begun
    again = Automation(
        name=RESCHEDULE_CRASHED,
        description=f"At most {RESCHEDULED_AT_MOST} times a run. Its steps that are done are not done again.",
        trigger=EventTrigger(
            after={"prefect.flow-run.Crashed"},
            expect={f"prefect.flow-run.{state}" for state in _SIGNS_OF_LIFE},
            match=ResourceSpecification(
                {"prefect.resource.id": ["prefect.flow-run.*"], "prefect.run-count": counts},
            ),
            match_related=OURS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=CRASHED_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.SCHEDULED,
                name="AwaitingRetry",
                message="Crashed; it goes on from where it was as soon as a worker takes it.",
            )
        ],
    )
    given_up = Automation(
        name=GIVE_UP,
        description=f"Crashed {STARTS_AT_MOST} times, and it never began: repetition does not mend that.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},  # later a worker may have it, whose word counts more
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=OURS,
            for_each={"prefect.resource.id", "prefect.run-count"},
            posture=Posture.Reactive,
            threshold=STARTS_AT_MOST,
            within=COUNTED_FOR,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.FAILED,
                message=f"It has died {STARTS_AT_MOST} times before it had begun. Its worker's log tells why. "
                "Mend that, then retry it.",
            )
        ],
    )
    return [silent, again, given_up]


def ensure_automations() -> None:
    """Make the automations; one that has changed is replaced, and stays off where somebody has switched it off.

    One that is as it should be is not touched: each update of an automation leaves its old trigger in the server's
    memory until the next start, and both of them would act.
    """
    for wanted in automations():
        try:
            known = cast(Automation, Automation.read(name=wanted.name))  # no event loop here, so nothing to await
        except ValueError:  # so it says that there is none of that name
            wanted.create()
            continue
        if _content(known) != _content(wanted):
            known.delete()
            wanted.enabled = known.enabled
            wanted.create()


def _content(automation: Automation) -> dict[str, Any]:
    content = automation.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    for name in ("after", "expect", "for_each"):  # sets
        content["trigger"][name] = sorted(content["trigger"][name])
    return content
