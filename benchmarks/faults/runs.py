"""Flow runs of deployments: starts them, follows them, and reads what the server has recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun, State, TaskRun

from benchmarks.faults.findings import require
from benchmarks.faults.programs import wait_for
from benchmarks.faults.site import Site


@dataclass
class Run:
    """A flow run on a site."""

    site: Site
    id: UUID

    @classmethod
    def of(cls, site: Site, deployment: str, parameters: dict[str, Any]) -> Run:
        """Start a run of a deployment such as "train/train"."""
        found = site.client.read_deployment_by_name(deployment)
        return cls(site, site.client.create_flow_run_from_deployment(found.id, parameters=parameters).id)

    def read(self) -> FlowRun:
        """The run as the server knows it now."""
        return self.site.client.read_flow_run(self.id)

    def state(self) -> State[Any]:
        """The state of the run."""
        state = self.read().state
        assert state is not None
        return state

    def wait_until(self, *names: str, seconds: float) -> float:
        """Wait for one of these states, and return the seconds. Raises NotHeldError if the run ends in another."""

        def there() -> bool:
            state = self.state()
            failed = state.is_final() and not state.is_crashed() and state.name not in names
            require(not failed, f"the run {self.read().name} is {state.name}: {state.message}")
            return state.name in names

        return wait_for(f"{' or '.join(names)} of a run in the state {self.state().name}", there, seconds=seconds)

    def history(self) -> list[State[Any]]:
        """All states of the run, oldest first."""
        return sorted(self.site.client.read_flow_run_states(self.id), key=lambda state: state.timestamp)

    def names(self) -> list[str]:
        """The names of all states of the run, oldest first."""
        return [str(state.name) for state in self.history()]

    def children(self) -> list[Run]:
        """The runs to which this run has handed work."""
        found = self.site.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[self.id]))
        )
        return [Run(self.site, child.id) for child in found]

    def tasks(self, *names: str) -> list[TaskRun]:
        """The task runs of the run. If `names` are given, only runs of these tasks."""
        found = self.site.client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[self.id])), limit=200
        )
        return [task for task in found if not names or task.name.rsplit("-", 1)[0] in names]


def settled_tasks(run: Run, *, seconds: float = 60.0) -> list[TaskRun]:
    """All task runs of a run that has ended. The server records them some seconds late, so this waits for them."""

    def settled() -> bool:
        return all(task.state is not None and task.state.is_final() for task in run.tasks())

    wait_for(f"the end of all tasks of {run.read().name}", settled, seconds=seconds)
    return run.tasks()


def run_interval(run: FlowRun | TaskRun) -> tuple[datetime, datetime]:
    """Start and end of a run that has ended."""
    assert run.start_time is not None
    assert run.end_time is not None
    return run.start_time, run.end_time
