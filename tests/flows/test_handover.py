"""Handing a step to another worker: one child at a time, also after crashes, and only in the same home."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

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


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "POLL_SECONDS", 0.1)


@pytest.fixture
def deployment(prefect_api: str) -> Iterator[str]:
    """A deployment without a worker: its runs have the states that the test sets."""
    with get_client(sync_client=True) as client:
        name = f"child-{uuid4().hex[:8]}"
        made = client.create_deployment(flow_id=client.create_flow_from_name(name), name="test")
        yield f"{name}/test"
        client.delete_deployment(made)


def children(client: SyncPrefectClient, deployment: str) -> list[FlowRun]:
    wanted = client.read_deployment_by_name(deployment).id
    return sorted((run for run in client.read_flow_runs() if run.deployment_id == wanted), key=lambda run: run.created)


def set_states(run: UUID, *states: State) -> None:
    with get_client(sync_client=True) as client:
        for state in states:
            client.set_flow_run_state(run, state, force=True)


def go_on(home: Home, deployment: str, *states: State) -> None:
    """A run that goes on after a crash hands its work over again. The child has crashed, and then gets `states`."""

    @flow
    def going_on() -> None:
        child = run_deployment(deployment, timeout=0, idempotency_key=f"{flow_run.get_id()}-work-0")
        assert isinstance(child, FlowRun)
        set_states(child.id, Crashed())
        threading.Thread(target=set_states, args=(child.id, *states), daemon=True).start()
        hand_over(home, deployment, {}, key="work")

    going_on()


def test_a_child_that_has_crashed_and_comes_back_gets_no_second_one_beside_it(deployment: str, home: Home) -> None:
    go_on(home, deployment, AwaitingRetry(), Running(), Completed())
    with get_client(sync_client=True) as client:
        assert len(children(client, deployment)) == 1


def test_a_child_that_comes_back_and_fails_fails_its_parent(deployment: str, home: Home) -> None:
    with pytest.raises(HandoverError, match="did not complete"):
        go_on(home, deployment, AwaitingRetry(), Running(), Failed())


def test_a_child_that_has_crashed_for_good_gets_a_successor(
    deployment: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "RESCHEDULE_SECONDS", 0.5)

    def complete_the_second() -> None:
        with get_client(sync_client=True) as client:
            while len(found := children(client, deployment)) < 2:
                time.sleep(0.1)
            set_states(found[1].id, Completed())

    threading.Thread(target=complete_the_second, daemon=True).start()
    go_on(home, deployment)
    with get_client(sync_client=True) as client:
        assert [run.state.name for run in children(client, deployment) if run.state] == ["Crashed", "Completed"]


@pytest.mark.parametrize("is_the_same_home", [True, False])
def test_a_child_runs_in_its_parent_s_home_only_which_may_be_mounted_elsewhere(
    deployment: str, tmp_path: Path, is_the_same_home: bool
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

    def run_the_child() -> None:
        """What a worker would do."""
        with get_client(sync_client=True) as client:
            while not (found := children(client, deployment)):
                time.sleep(0.1)
        run_flow(child, flow_run=found[0], return_type="state")

    @flow
    def parent() -> None:
        threading.Thread(target=run_the_child, daemon=True).start()
        hand_over(parents, deployment, {}, key="work")

    if is_the_same_home:
        parent()
    else:
        with pytest.raises(HandoverError, match=f"results in {parents.root}, but this worker's home is {mounted}"):
            parent()
