"""A run that takes the GPU's slot and holds it until its standard input ends: python tests/flows/slot_holder.py

Says so once it holds the slot. It lives faster than others: renews twice a second, and a run that is silent for four
seconds is dead to it.
"""

import os
import sys
import threading
import time

from prefect import flow

from flows import slot_lease
from flows.gpu_slot import gpu_slot

os.environ["PREFECT__RUNTIME__DEPLOYMENT__ID"] = "11111111-1111-1111-1111-111111111111"  # as a worker has it
slot_lease.RENEW_SECONDS, slot_lease.RETRY_SECONDS = 0.5, 0.25
slot_lease.SILENT_SECONDS, slot_lease.LOOK_SECONDS = 4.0, 0.5


@flow(flow_run_name="holder")
def slot_holder() -> None:
    with gpu_slot():
        print("holds the slot", flush=True)
        told = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
        while not told.is_set():
            time.sleep(0.1)  # as a training: signals come through


if __name__ == "__main__":
    slot_holder()
