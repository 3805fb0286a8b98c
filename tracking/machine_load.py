"""The machine's load during a training: CPU, memory, disk, network and GPU, as MLflow measures them."""

from __future__ import annotations

import logging

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor


class MachineLoad(SystemMetricsMonitor):
    """MLflow's monitor for `run_id`, which goes on after its server was away.

    MLflow's own monitor ends at the first request that fails. The values of an outage are lost.
    """

    def __init__(self, run_id: str, uri: str) -> None:
        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)  # it warns at each request that fails
        super().__init__(run_id, resume_logging=True, tracking_uri=uri)  # type: ignore[no-untyped-call]

    def monitor(self) -> None:
        """Measure until `finish` or `give_up` is called."""
        while not self._shutdown_event.wait(0):
            super().monitor()  # type: ignore[no-untyped-call]
            self._shutdown_event.wait(self.sampling_interval)

    def give_up(self) -> None:
        """End without waiting for the request that is under way."""
        self._shutdown_event.set()
