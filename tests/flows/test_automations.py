"""What Prefect's server does by itself with runs that crash, or that never begin."""

import pytest
from own_server import OwnServer
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Crashed, Pending, Running
from shell import eventually

from flows.servers import automations
from flows.servers.heartbeat import OUR_TAG


@pytest.fixture(scope="module")
def client(tmp_path_factory, prepared):
    """A client of a server whose automations wait no longer than they must."""
    server = OwnServer(prepared(tmp_path_factory.mktemp("server")))
    with pytest.MonkeyPatch.context() as patch, server.running(), get_client(sync_client=True) as client:
        for name in ("CRASHED_SECONDS", "PENDING_SECONDS"):
            patch.setattr(automations, name, 10)  # the shortest that Prefect takes
        automations.ensure_automations()
        yield client


@pytest.fixture(scope="module")
def deployment(client):
    """A deployment without a worker: its runs have the states that the tests set."""
    client.create_work_pool(WorkPoolCreate(name="cpu", type="process"))
    flow = client.create_flow_from_name("child")
    return client.create_deployment(flow_id=flow, name="test", tags=[OUR_TAG], work_pool_name="cpu")


def with_states(client, deployment, *states):
    run = client.create_flow_run_from_deployment(deployment).id
    for state in states:
        client.set_flow_run_state(run, state, force=True)
    return run


def state_name(client, run):
    return client.read_flow_run(run).state.name


def test_runs_whose_worker_or_process_has_died_go_back_into_the_queue(client, deployment):
    runs = {
        "stays pending": with_states(client, deployment, Pending()),
        "died before it began": with_states(client, deployment, Pending(), Crashed()),
        "died": with_states(client, deployment, Running(), Crashed()),
    }
    for what, run in runs.items():
        eventually(lambda run=run: state_name(client, run) == "AwaitingRetry"), what


def test_a_run_that_crashes_after_its_third_start_stays_crashed(client, deployment):
    crashed = with_states(client, deployment, Running(), Running(), Running(), Crashed())
    assert client.read_flow_run(crashed).run_count == 3
    later = with_states(client, deployment, Running(), Crashed())
    eventually(lambda: state_name(client, later) == "AwaitingRetry")  # so the automations have seen both by now
    assert state_name(client, crashed) == "Crashed"


def test_a_run_that_crashes_again_and_again_before_it_begins_has_failed(client, deployment):
    run = with_states(client, deployment, *[Pending(), Crashed()] * automations.STARTS_AT_MOST)
    eventually(lambda: state_name(client, run) == "Failed")
    assert "worker's log" in client.read_flow_run(run).state.message
