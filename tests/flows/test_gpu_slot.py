"""The slot of the GPU: one run at a time holds it, and a run that goes on after a kill need not wait for itself."""

import threading
import time
from contextlib import suppress
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.runtime import flow_run

from flows.gpu_slot import GPU_LIMIT, LEASE_LABEL, LEASE_SECONDS, gpu_slot


@pytest.fixture(autouse=True)
def in_a_deployment(prefect_api: str, monkeypatch: pytest.MonkeyPatch):
    """Flows take themselves for runs of a deployment, and the slot is there and free."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "11111111-1111-1111-1111-111111111111")
    with get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_LIMIT, limit=1))
        yield
        client.delete_global_concurrency_limit_by_name(GPU_LIMIT)


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

    assert killed_once() < LEASE_SECONDS / 4
    assert slots_taken() == 0


def test_a_run_notes_its_lease_where_its_next_process_finds_it():
    @flow
    def holder() -> str | None:
        with gpu_slot(), get_client(sync_client=True) as client:
            lease = client.read_flow_run(UUID(flow_run.get_id())).labels[LEASE_LABEL]
            client.renew_concurrency_lease(UUID(str(lease)), LEASE_SECONDS)  # raises where there is none
            return str(lease)

    assert holder() is not None


def test_a_run_waits_for_the_slot_of_another_one():
    lease = held_by_nobody_alive()
    entered = threading.Event()

    @flow
    def waiting() -> None:
        with gpu_slot():
            entered.set()

    thread = threading.Thread(target=waiting)
    thread.start()
    assert not entered.wait(5)
    with get_client(sync_client=True) as client:
        client.release_concurrency_slots_with_lease(UUID(lease))
    assert entered.wait(60)
    thread.join()
    assert slots_taken() == 0
