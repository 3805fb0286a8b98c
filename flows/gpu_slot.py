"""A GPU serves one training at a time: runs of a work pool take turns for a slot that the Prefect server keeps."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.runtime import deployment, flow_run

from flows.server_patience import patiently
from flows.slot_lease import Watch, acquire, give_back, kept, renew

GPU_LIMIT = "gpu"
POLL_SECONDS = 3.0

_logger = logging.getLogger("flipbook.gpu")


@contextmanager
def gpu_slot() -> Iterator[None]:
    """Within the block a run of a deployment holds a slot of `gpu`, for which it waits as long as it takes.

    The server may be away for ten minutes. A run that was killed and goes on gives back what it held before: it need
    not wait for itself. Should its earlier process still be alive, cut off from the server, that one loses the slot: it
    ends as it fails to renew its lease, and until then the lock of the training keeps the two from training at once.

    A run from the command line has its machine to itself and takes none.

    Raises:
        flows.slot_lease.SlotError: the server knows no limit of that name; `python -m flows.setup` makes it.
    """
    found = flow_run.get_id()
    if deployment.id is None or found is None:
        yield
        return
    run_id = UUID(found)
    with ExitStack() as stack:
        client = patiently(lambda: stack.enter_context(get_client(sync_client=True)))
        patiently(partial(give_back, client, run_id))
        lease = _wait_for_slot(client, run_id)
        try:
            with kept(run_id, lease):
                yield
        except BaseException:
            _give_back_at_once(run_id, lease)
            raise
        patiently(partial(give_back, client, run_id, lease))


def _wait_for_slot(client: SyncPrefectClient, run_id: UUID) -> UUID:
    watch = patiently(partial(Watch, client, run_id))
    while True:
        lease = patiently(partial(acquire, client, GPU_LIMIT, run_id))
        # Where the server was away in between, the lease may have run out by now.
        if lease is not None and patiently(partial(renew, client, run_id, lease, 0)):
            return lease
        patiently(watch.look)
        time.sleep(POLL_SECONDS)


def _give_back_at_once(run_id: UUID, lease: UUID) -> None:
    """What a run does that has to end: where the server is away, the next one that wants the slot takes it."""
    try:
        with get_client(sync_client=True) as client:
            give_back(client, run_id, lease)
    except Exception as error:
        _logger.warning("Could not give back the GPU's slot (%s); it is free within some minutes.", error)
