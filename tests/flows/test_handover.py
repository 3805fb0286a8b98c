"""A run that goes on after a crash, and the child that it had started: the same one, if that comes back as well."""

import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry, Completed, Crashed, Failed, Running

from flows import handover
from flows.handover import HandoverError, hand_over


@pytest.fixture
def deployment(prefect_api: str) -> Iterator[str]:
    """A deployment without a worker: its runs are as the test sets them."""
    with get_client(sync_client=True) as client:
        name = f"child-{uuid4().hex[:8]}"
        flow_id = client.create_flow_from_name(name)
        made = client.create_deployment(flow_id=flow_id, name="test")
        yield f"{name}/test"
        client.delete_deployment(made)


def children(client: SyncPrefectClient, deployment: str) -> list[FlowRun]:
    wanted = client.read_deployment_by_name(deployment).id
    return sorted((run for run in client.read_flow_runs() if run.deployment_id == wanted), key=lambda run: run.created)


def becomes(run: UUID, *states: State) -> Callable[[], None]:
    """Sets the states of a run, one after the other, some seconds between them."""

    def set_states() -> None:
        with get_client(sync_client=True) as client:
            for state in states:
                time.sleep(3)
                client.set_flow_run_state(run, state, force=True)

    return set_states


def go_on(deployment: str, *states: State) -> None:
    """A run hands over what it has handed over before a crash, to a child that has crashed and will have `states`."""

    @flow
    def going_on() -> None:
        child = handover._start(deployment, {}, f"{flow_run.get_id()}-work-0")
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(child.id, Crashed(), force=True)
        threading.Thread(target=becomes(child.id, *states), daemon=True).start()
        hand_over(deployment, {}, key="work")

    going_on()


def test_a_child_that_has_crashed_and_comes_back_gets_no_second_one_beside_it(deployment):
    go_on(deployment, AwaitingRetry(), Running(), Completed())
    with get_client(sync_client=True) as client:
        assert len(children(client, deployment)) == 1


def test_a_child_that_comes_back_and_fails_fails_its_parent(deployment):
    with pytest.raises(HandoverError, match="did not complete"):
        go_on(deployment, AwaitingRetry(), Failed())
    with get_client(sync_client=True) as client:
        assert len(children(client, deployment)) == 1


def test_a_child_that_has_crashed_for_good_gets_a_successor(deployment, monkeypatch):
    monkeypatch.setattr(handover, "RESCHEDULE_SECONDS", 3.0)

    def complete_the_second() -> None:
        with get_client(sync_client=True) as client:
            while len(found := children(client, deployment)) < 2:
                time.sleep(0.5)
            client.set_flow_run_state(found[1].id, Completed(), force=True)

    thread = threading.Thread(target=complete_the_second, daemon=True)
    thread.start()
    go_on(deployment)
    thread.join()
    with get_client(sync_client=True) as client:
        assert [run.state.name for run in children(client, deployment)] == ["Crashed", "Completed"]
