"""A GPU serves one training at a time: runs of a work pool take turns for a slot that the Prefect server keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.concurrency.context import ConcurrencyContext
from prefect.concurrency.sync import concurrency
from prefect.runtime import deployment, flow_run

from flows.server_patience import patiently

GPU_LIMIT = "gpu"
LEASE_SECONDS = 120.0  # a killed holder's slot is free again after that; a restart of the server takes less
LEASE_LABEL = "flipbook.gpu-lease"  # of the flow run: the lease by which it holds the slot


@contextmanager
def gpu_slot() -> Iterator[None]:
    """Within the block a run of a deployment holds the slot `gpu`, for which it waits as long as it takes.

    A run that was killed and goes on gives back what it held before: it need not wait for itself. Should its earlier
    process still be alive, cut off from the server, that one loses the slot: it ends as it fails to renew its lease,
    and until then the lock of the training keeps the two from training at once.

    A run from the command line has its machine to itself and takes none.

    Raises:
        prefect.concurrency.services.ConcurrencySlotAcquisitionError: the server knows no limit of that name;
            `python -m flows.setup` makes it.
    """
    run_id = flow_run.get_id()
    if deployment.id is None or run_id is None:
        yield
        return
    holder = ConcurrencyLeaseHolder(type="flow_run", id=UUID(run_id))
    slot = partial(concurrency, GPU_LIMIT, strict=True, lease_duration=LEASE_SECONDS, holder=holder)
    with ExitStack() as stack:
        client = patiently(lambda: stack.enter_context(get_client(sync_client=True)))
        patiently(lambda: _give_back(client, holder.id))
        patiently(lambda: stack.enter_context(slot()))
        patiently(lambda: _note(client, holder.id))
        yield


def _note(client: SyncPrefectClient, run_id: UUID) -> None:
    """Writes down by which lease the run holds the slot, where the run's next process finds it."""
    context = ConcurrencyContext.get()
    if context is not None and context.cleanup_lease_ids:
        client.update_flow_run_labels(run_id, {LEASE_LABEL: str(context.cleanup_lease_ids[-1])})


def _give_back(client: SyncPrefectClient, run_id: UUID) -> None:
    """Gives back the slot that an earlier process of the run has held; nothing happens where it has done so itself."""
    lease = client.read_flow_run(run_id).labels.get(LEASE_LABEL)
    if lease is not None:
        client.release_concurrency_slots_with_lease(UUID(str(lease)))
