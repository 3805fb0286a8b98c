"""The lease by which a flow run holds a slot: kept while the run lives, taken from one of which nothing is heard.

A lease has to outlast the Prefect server's absence, and has to end soon when its holder is dead: no length does both.
So it is long, its holder writes down that it renews it, and who waits for the slot watches that. Only time counts in
which the server answered the one who waits, so an absence of the server makes nobody look dead. No clocks are compared.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterId, FlowRunFilter, FlowRunFilterStartTime
from prefect.client.schemas.objects import ConcurrencyLeaseHolder, FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError

LEASE_SECONDS = 600.0  # how long the server may be away without a run's losing its slot
FIRST_SECONDS = 60.0  # the shortest that Prefect grants: until the lease is written down, nobody can give it back
RENEW_SECONDS = 20.0
RETRY_SECONDS = 5.0
SILENT_SECONDS = 120.0  # six renewals
LOOK_SECONDS = 10.0
WATCHED_RUNS = 100
LEASE_LABEL = "flipbook.gpu-lease"  # of the flow run: the lease by which it holds the slot; empty where it holds none
RENEWALS_LABEL = "flipbook.gpu-lease-renewals"

_logger = logging.getLogger("flipbook.gpu")


class SlotError(RuntimeError):
    """There is no slot to wait for; the message says how to make one."""


def acquire(client: SyncPrefectClient, limit: str, run_id: UUID) -> UUID | None:
    """A lease on a slot of `limit` for a minute, or None where all of them are taken.

    May be repeated where the answer got lost. The slot that was given then is free again after that minute, and at most
    15 s more: so often does the server look for leases that have run out.

    Raises:
        SlotError: the server knows no limit of that name.
        httpx.HTTPError: the server does not answer, or refuses.
    """
    holder = ConcurrencyLeaseHolder(type="flow_run", id=run_id)
    try:
        answer = client.increment_concurrency_slots_with_lease(
            names=[limit], slots=1, mode="concurrency", lease_duration=FIRST_SECONDS, holder=holder
        ).json()
    except PrefectHTTPStatusError as error:
        if error.response.status_code == httpx.codes.LOCKED:
            return None
        raise
    if not answer["limits"]:
        raise SlotError(f"The Prefect server knows no concurrency limit {limit}: python -m flows.setup makes it.")
    return UUID(answer["lease_id"])


def renew(client: SyncPrefectClient, run_id: UUID, lease: UUID, renewals: int) -> bool:
    """Extend the lease, and write that down at its run, where its next process and those who wait look.

    Returns:
        Whether the lease is there; it is gone once it has run out, or was given back.
    """
    try:
        client.renew_concurrency_lease(lease, LEASE_SECONDS)
    except PrefectHTTPStatusError as error:
        if error.response.status_code == httpx.codes.GONE:
            return False
        raise
    client.update_flow_run_labels(run_id, {LEASE_LABEL: str(lease), RENEWALS_LABEL: renewals})
    return True


def give_back(client: SyncPrefectClient, run_id: UUID, lease: UUID | None = None) -> None:
    """Give back a lease of the run: that which is written down there, if one is, or `lease`. May be repeated."""
    noted = noted_lease(client.read_flow_run(run_id))
    lease = lease or noted
    if lease is not None:
        client.release_concurrency_slots_with_lease(lease)
        if lease == noted:  # else that is a later process's of the run
            client.update_flow_run_labels(run_id, {LEASE_LABEL: ""})


def noted_lease(run: FlowRun) -> UUID | None:
    """The lease by which the run holds its slot, as it has written it down."""
    lease = run.labels.get(LEASE_LABEL)
    return UUID(str(lease)) if lease else None


@contextmanager
def kept(run_id: UUID, lease: UUID) -> Iterator[None]:
    """Within the block the lease is renewed. Should it be gone, this process is told to end (SIGTERM).

    While the server is away it cannot give the slot to another run, so then nothing is lost yet.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_keep, args=(run_id, lease, ended), name=f"gpu-lease-{lease}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=2)  # it may wait for an answer


def _keep(run_id: UUID, lease: UUID, ended: threading.Event) -> None:
    renewals, pause = 1, RENEW_SECONDS
    while not ended.wait(pause):
        try:
            with get_client(sync_client=True) as client:  # a new one fails at once; an old one tries for a minute
                there = renew(client, run_id, lease, renewals)
        except Exception as error:  # whatever it is: as long as nobody says that the lease is gone, it is not
            if pause != RETRY_SECONDS:
                _logger.warning("Could not renew the lease of the GPU's slot (%s); trying again.", error)
            pause = RETRY_SECONDS
            continue
        if not there and not ended.is_set():
            _logger.error("This run has lost the slot of the GPU, and ends: another one may hold it.")
            os.kill(os.getpid(), signal.SIGTERM)  # so the run becomes Crashed, and is put back into the queue
            return
        renewals, pause = renewals + 1, RENEW_SECONDS


class Watch:
    """What a run that waits knows of the leases of the other runs of its flow, and does about them."""

    def __init__(self, client: SyncPrefectClient, run_id: UUID) -> None:
        self._client, self._run_id = client, run_id
        self._flow = FlowFilter(id=FlowFilterId(any_=[client.read_flow_run(run_id).flow_id]))
        self._seen: dict[UUID, tuple[object, float]] = {}
        self._looked = time.monotonic()

    def look(self) -> None:
        """Give back leases that nobody has renewed for two minutes in which the server answered."""
        since = time.monotonic() - self._looked
        if since < LOOK_SECONDS:
            return
        runs = self._client.read_flow_runs(
            flow_filter=self._flow,
            flow_run_filter=FlowRunFilter(start_time=FlowRunFilterStartTime(is_null_=False)),
            sort=FlowRunSort.START_TIME_DESC,
            limit=WATCHED_RUNS,
        )
        self._looked = time.monotonic()
        before, self._seen = self._seen, {}
        for run in runs:
            lease, renewals = noted_lease(run), run.labels.get(RENEWALS_LABEL)
            if lease is None or run.id == self._run_id:
                continue
            known, silence = before.get(lease, (renewals, 0.0))
            silence = silence + min(since, 2 * LOOK_SECONDS) if known == renewals else 0.0
            self._seen[lease] = (renewals, silence)
            if silence > SILENT_SECONDS:
                _logger.warning("Run %s, silent for %.0f s, holds the GPU's slot no longer.", run.name, silence)
                give_back(self._client, run.id, lease)
