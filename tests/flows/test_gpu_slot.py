"""The slot of the GPU: one run at a time holds it, through absences of the server, and a dead one not for long."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest
from own_server import OwnServer
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectAlreadyExists
from prefect.runtime import flow_run

from flows.gpu_slot import GPU_LIMIT, gpu_slot
from flows.slot_lease import FIRST_SECONDS, LEASE_LABEL, LEASE_SECONDS, acquire, noted_lease

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "11111111-1111-1111-1111-111111111111"


@pytest.fixture(autouse=True)
def in_a_deployment(prefect_api: str, monkeypatch: pytest.MonkeyPatch):
    """Flows take themselves for runs of a deployment, and the slot is there and free."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", DEPLOYMENT)
    make_slot()
    yield
    with get_client(sync_client=True) as client:
        client.delete_global_concurrency_limit_by_name(GPU_LIMIT)


def make_slot() -> None:
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_LIMIT, limit=1))


def held_by_nobody_alive() -> str:
    """Takes the slot as a process does that is killed then. Returns its lease."""
    with get_client(sync_client=True) as client:
        answer = client.increment_concurrency_slots_with_lease(
            names=[GPU_LIMIT], slots=1, mode="concurrency", lease_duration=LEASE_SECONDS
        )
    return str(answer.json()["lease_id"])


def slots_taken() -> int:
    with get_client(sync_client=True) as client:
        return client.read_global_concurrency_limit_by_name(GPU_LIMIT).active_slots


def test_the_slot_is_taken_within_the_block_and_free_after_it():
    @flow
    def holder() -> int:
        with gpu_slot():
            return slots_taken()

    assert holder() == 1
    assert slots_taken() == 0


def test_a_run_that_goes_on_gives_back_what_its_killed_process_has_held():
    @flow
    def killed_once() -> float:
        with get_client(sync_client=True) as client:
            client.update_flow_run_labels(UUID(flow_run.get_id()), {LEASE_LABEL: held_by_nobody_alive()})
        began = time.monotonic()
        with gpu_slot():
            assert slots_taken() == 1
            return time.monotonic() - began

    assert killed_once() < FIRST_SECONDS / 2
    assert slots_taken() == 0


def test_a_run_notes_its_lease_where_its_next_process_finds_it():
    @flow
    def holder() -> str | None:
        with gpu_slot(), get_client(sync_client=True) as client:
            lease = client.read_flow_run(UUID(flow_run.get_id())).labels[LEASE_LABEL]
            client.renew_concurrency_lease(UUID(str(lease)), LEASE_SECONDS)  # raises where there is none
            return str(lease)

    assert holder() is not None


@contextmanager
def holder(api: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own that asks for the slot, tells when it has it, and keeps it until it is told."""
    process = subprocess.Popen(
        [sys.executable, "tests/flows/slot_holder.py"],
        cwd=ROOT,
        env={**os.environ, "PREFECT_API_URL": api, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_it_holds(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    assert process.stdout.readline() == "holds the slot\n"


def holds(process: subprocess.Popen[str]) -> bool:
    """Whether the process has told so."""
    return bool(select.select([process.stdout], [], [], 0)[0])


def ends_well(process: subprocess.Popen[str]) -> bool:
    """Tells it to give the slot back, and to end."""
    assert process.stdin
    process.stdin.close()
    return process.wait(60) == 0


def newest_holder() -> FlowRun:
    with get_client(sync_client=True) as client:
        return max((run for run in client.read_flow_runs() if run.name == "holder"), key=lambda run: run.created)


def test_a_run_waits_for_the_slot_of_a_living_one_however_long_it_takes(prefect_api):
    with holder(prefect_api) as first, holder(prefect_api) as second:
        ready = select.select([first.stdout, second.stdout], [], [], 60)[0]
        holding, waiting = (first, second) if first.stdout in ready else (second, first)
        wait_until_it_holds(holding)
        time.sleep(16)  # four times the silence of a dead one
        assert not holds(waiting)
        assert ends_well(holding)
        wait_until_it_holds(waiting)
        assert ends_well(waiting)
    assert slots_taken() == 0


def test_the_slot_of_a_run_that_never_comes_back_is_taken_before_its_lease_ends(prefect_api):
    with holder(prefect_api) as dead:
        wait_until_it_holds(dead)
    assert slots_taken() == 1
    lost = newest_holder()
    assert noted_lease(lost)
    began = time.monotonic()
    with holder(prefect_api) as next_one:
        wait_until_it_holds(next_one)
        assert 4 < time.monotonic() - began < FIRST_SECONDS
        assert ends_well(next_one)
    with get_client(sync_client=True) as client:
        assert noted_lease(client.read_flow_run(lost.id)) is None
    assert slots_taken() == 0


def test_a_run_that_has_lost_its_slot_ends(prefect_api):
    with holder(prefect_api) as process, get_client(sync_client=True) as client:
        wait_until_it_holds(process)
        lease = noted_lease(newest_holder())
        assert lease
        client.release_concurrency_slots_with_lease(lease)
        assert process.wait(60) != 0
        assert newest_holder().state.is_crashed()


def test_a_run_keeps_its_slot_through_an_absence_of_the_server(tmp_path):
    """The server is killed while one run holds the slot and another one waits for it."""
    server = OwnServer(tmp_path)
    with ExitStack() as stack:
        with server.running():
            make_slot()
            holding = stack.enter_context(holder(server.url))
            wait_until_it_holds(holding)
            waiting = stack.enter_context(holder(server.url))
            time.sleep(10)
        time.sleep(8)  # twice the silence of a dead one
        with server.running():
            time.sleep(12)
            assert not holds(waiting)
            assert ends_well(holding)
            wait_until_it_holds(waiting)
            assert ends_well(waiting)


def test_a_lease_whose_answer_got_lost_blocks_its_own_run_for_little_more_than_a_minute(tmp_path):
    @flow
    def asked_twice() -> float:
        with get_client(sync_client=True) as client:
            assert acquire(client, GPU_LIMIT, UUID(flow_run.get_id()))  # and the answer is lost
        began = time.monotonic()
        with gpu_slot():
            return time.monotonic() - began

    with OwnServer(tmp_path).running():
        make_slot()
        assert asked_twice() < FIRST_SECONDS + 30
