"""What the machine does while it trains: load, memory, disk and network as MLflow's monitors measure them."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from tracking.journal import Journal, Record
from tracking.sender import Sender

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SECONDS_BETWEEN = 5.0
PREFIX = "system/"  # MLflow's pages show these metrics on a tab of their own

_logger = logging.getLogger("flipbook.machine")


class MachineWatch:
    """Measures every few seconds, until it is stopped.

    MLflow's own thread for this ends for good at the first request that fails; here the values go through the journal,
    so a server that was away for a while gets them all.
    """

    def __init__(self, run_id: str, journal: Journal, sender: Sender, *, next_number: int, uri: str) -> None:
        """Values are numbered from `next_number` on; MLflow calls it their step."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)
        self._monitor: SystemMetricsMonitor = SystemMetricsMonitor(run_id, tracking_uri=uri)
        self._journal = journal
        self._sender = sender
        self._number = next_number
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine-watch", daemon=True)

    def start(self) -> None:
        """Begin to measure."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was measured stays in the journal."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._monitor.collect_metrics()  # the load is measured since the call before, of the same thread
        self._clear()
        while not self._stopped.wait(SECONDS_BETWEEN):
            self._monitor.collect_metrics()
            try:
                self._record()
            except OSError as error:  # a full disk ends the training at its next checkpoint, and says so there
                _logger.warning("The machine is watched no longer (%s).", error)
                return

    def _record(self) -> None:
        values = {PREFIX + name: float(value) for name, value in self._monitor.aggregate_metrics().items()}
        self._clear()
        if values:
            now = int(time.time() * 1000)
            self._journal.add(Record(step=self._number, timestamp=now, values=values, waits=False))
            self._number += 1
            self._sender.wake()

    def _clear(self) -> None:
        for monitor in self._monitor.monitors:
            monitor.clear_metrics()
