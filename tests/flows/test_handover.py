"""Handing a step to another worker: one child at a time, also after crashes, and only in the same home.

No worker runs here. Whenever the parent pauses before it looks at its child again, the test acts as a worker would.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.flow_engine import run_flow
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry, Completed, Crashed, Failed, Running

from data.home import Home
from flows import handover
from flows.handover import HandoverError, check_home, hand_over


@pytest.fixture
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def deployment(client: SyncPrefectClient) -> Iterator[str]:
    name = f"child-{uuid4().hex[:8]}"
    made = client.create_deployment(flow_id=client.create_flow_from_name(name), name="test")
    yield f"{name}/test"
    client.delete_deployment(made)


def children(client: SyncPrefectClient, deployment: str) -> list[FlowRun]:
    wanted = client.read_deployment_by_name(deployment).id
    return sorted((run for run in client.read_flow_runs() if run.deployment_id == wanted), key=lambda run: run.created)


@pytest.fixture
def becomes(
    client: SyncPrefectClient, deployment: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int, list[State]], None]:
    """Puts the child with that number into the states, one each time its parent waits."""

    def plan(number: int, states: list[State]) -> None:
        def sleep(_seconds: float) -> None:
            run = children(client, deployment)[number]
            client.set_flow_run_state(run.id, states.pop(0), force=True)

        monkeypatch.setattr(handover, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))

    return plan


def go_on(home: Home, deployment: str) -> None:
    """A run that goes on after a crash hands its work over again. Its child has crashed too."""

    @flow
    def going_on() -> None:
        child = run_deployment(deployment, timeout=0, idempotency_key=f"{flow_run.get_id()}-work-0")
        assert isinstance(child, FlowRun)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(child.id, Crashed(), force=True)
        hand_over(home, deployment, {}, key="work")

    going_on()


def test_a_child_that_has_crashed_and_comes_back_gets_no_second_one_beside_it(client, deployment, becomes, home):
    becomes(0, [AwaitingRetry(), Running(), Completed()])
    go_on(home, deployment)
    assert len(children(client, deployment)) == 1


def test_a_child_that_comes_back_and_fails_fails_its_parent(client, deployment, becomes, home):
    becomes(0, [AwaitingRetry(), Running(), Failed()])
    with pytest.raises(HandoverError, match="did not complete"):
        go_on(home, deployment)
    assert len(children(client, deployment)) == 1


def test_a_child_that_has_crashed_for_good_gets_a_successor(client, deployment, becomes, home, monkeypatch):
    monkeypatch.setattr(handover, "RESCHEDULE_SECONDS", 0.0)
    becomes(1, [Completed()])
    go_on(home, deployment)
    assert [run.state.name for run in children(client, deployment)] == ["Crashed", "Completed"]


@pytest.mark.parametrize("is_the_same_home", [True, False])
def test_a_child_runs_in_its_parent_s_home_only_which_may_be_mounted_elsewhere(
    client, deployment, tmp_path: Path, monkeypatch, is_the_same_home: bool
) -> None:
    parents = Home.at(tmp_path / "parents").create()
    mounted = tmp_path / "mounted elsewhere"
    if is_the_same_home:
        mounted.symlink_to(parents.root)
    else:
        mounted.mkdir()

    @flow
    def child() -> None:
        check_home(Home(root=mounted))

    def sleep(_seconds: float) -> None:
        """What a worker would do."""
        run_flow(child, flow_run=children(client, deployment)[0], return_type="state")

    @flow
    def parent() -> None:
        monkeypatch.setattr(handover, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
        hand_over(parents, deployment, {}, key="work")

    if is_the_same_home:
        parent()
    else:
        with pytest.raises(HandoverError, match=f"results in {parents.root}, but this worker's home is {mounted}"):
            parent()
