"""A GPU serves one training at a time: runs of a work pool take turns for a slot that the Prefect server keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.concurrency.sync import concurrency
from prefect.runtime import deployment

GPU_LIMIT = "gpu"
LEASE_SECONDS = 120.0  # a killed holder's slot is free again after that; a restart of the server takes less


@contextmanager
def gpu_slot() -> Iterator[None]:
    """Within the block a run of a deployment holds the slot `gpu`, for which it waits as long as it takes.

    A run from the command line has its machine to itself and takes none.

    Raises:
        prefect.concurrency.services.ConcurrencySlotAcquisitionError: the server knows no limit of that name;
            `python -m flows.setup` makes it.
    """
    if deployment.id is None:
        yield
        return
    with concurrency(GPU_LIMIT, strict=True, lease_duration=LEASE_SECONDS):
        yield
