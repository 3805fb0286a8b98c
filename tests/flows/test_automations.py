"""What Prefect's server does by itself with runs that crash, or that never begin."""

import contextlib
import sqlite3
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from own_server import OwnServer
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.server.events.schemas.automations import EventTrigger as ServerEventTrigger
from prefect.server.events.schemas.events import ReceivedEvent
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
    return deployment_of(client)


def deployment_of(client):
    client.create_work_pool(WorkPoolCreate(name="cpu", type="process"))
    flow = client.create_flow_from_name("child")
    return client.create_deployment(flow_id=flow, name="test", tags=[OUR_TAG], work_pool_name="cpu")


def run_with(client, deployment, *states):
    """A run that has been in all these states, some of which the server only wants to see one after the other."""
    run = client.create_flow_run_from_deployment(deployment).id
    for state in states:
        client.set_flow_run_state(run, state, force=True)
        time.sleep(0.5)
    return run


def ended_as(client, deployment, name, *states):
    """A run with these states, after the server has given it the state `name`.

    While its SQLite database is locked, the server drops an event or waits 15 minutes for the one before it. So there
    is another run if nothing happens to the first.
    """
    for _ in range(5):
        run = run_with(client, deployment, *states)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = client.read_flow_run(run)
            if found.state.name == name:
                return found
            time.sleep(0.2)
    raise AssertionError(f"no run with the states {[state.name for state in states]} has become {name}")


def buckets(home):
    """How many runs the automations wait for."""
    with contextlib.closing(sqlite3.connect(home.prefect / "prefect.db")) as database:
        return database.execute("select count(*) from automation_bucket").fetchone()[0]


def pass_hours_without_a_server(home):
    with contextlib.closing(sqlite3.connect(home.prefect / "prefect.db")) as database, database:
        for column in ("start", "end"):
            database.execute(
                f'update automation_bucket set "{column}" = '
                f"strftime('%Y-%m-%d %H:%M:%f000', \"{column}\", '-5 hours')"
            )


def test_runs_whose_worker_or_process_has_died_go_back_into_the_queue(client, deployment):
    for states in (
        [Pending()],  # the worker died before the run began
        [Pending(), Crashed()],  # the process died before the run began
        [Running(), Crashed()],
    ):
        ended_as(client, deployment, "AwaitingRetry", *states)


def test_a_run_that_has_begun_its_third_or_a_later_start_is_not_queued_as_one_that_never_began():
    (pending,) = [one for one in automations.automations() if one.name == automations.RESCHEDULE_PENDING]
    trigger = ServerEventTrigger.model_validate(pending.trigger.model_dump(mode="json"))
    for starts in (1, 3, 7):
        event = ReceivedEvent(
            id=uuid4(),
            occurred=datetime.now(UTC),
            event="prefect.flow-run.Running",
            resource={"prefect.resource.id": f"prefect.flow-run.{uuid4()}", "prefect.run-count": str(starts)},
            related=[
                {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{OUR_TAG}"},
                {
                    "prefect.resource.role": "work-pool",
                    "prefect.resource.id": f"prefect.work-pool.{uuid4()}",
                    "prefect.work-pool.type": "process",
                },
            ],
        )
        assert trigger.covers(event)
        assert trigger.expects(event.event)


def test_a_run_that_has_crashed_while_the_server_ended_is_queued_again_after_hours_without_a_server(
    prepared, tmp_path, monkeypatch
):
    home = prepared(tmp_path)
    server = OwnServer(home)
    monkeypatch.setattr(automations, "CRASHED_SECONDS", 20)
    with server.running(), get_client(sync_client=True) as client:
        automations.ensure_automations()
        run = run_with(client, deployment_of(client), Running(), Crashed())
        eventually(lambda: buckets(home), 60)
    pass_hours_without_a_server(home)
    with server.running(), get_client(sync_client=True) as client:
        eventually(lambda: client.read_flow_run(run).state.name == "AwaitingRetry", 120)


def test_a_run_that_crashes_after_its_third_start_stays_crashed(client, deployment):
    crashed = run_with(client, deployment, Running(), Running(), Running(), Crashed())
    assert client.read_flow_run(crashed).run_count == 3
    ended_as(client, deployment, "AwaitingRetry", Running(), Crashed())  # so the automations have seen both by now
    assert client.read_flow_run(crashed).state.name == "Crashed"


def test_a_run_that_crashes_again_and_again_before_it_begins_has_failed(client, deployment):
    given_up = ended_as(client, deployment, "Failed", *[Pending(), Crashed()] * automations.STARTS_AT_MOST)
    assert "worker's log" in given_up.state.message
