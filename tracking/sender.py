"""Sends a training's records to its MLflow run from a thread of its own, so that no server can hold the training up."""

from __future__ import annotations

import logging
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.journal import Journal, Record
from tracking.patience import LONGEST_PAUSE_SECONDS, reason
from tracking.shown_uri import shown

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

METRICS_PER_BATCH = 1000  # MLflow's limit for one log_batch
PICTURES = "images"  # where MLflow's pages look for pictures with a step
_PICTURE_STEP = re.compile(r"\+step\+(\d+)\+")

_logger = logging.getLogger("flipbook.mlflow")


class Sender:
    """Writes what counts in a journal to a run, and takes it out of the journal once MLflow has it.

    Sending again what MLflow took without being able to say so changes nothing: a metric of the same name, step, time
    and value is the same row, and a picture of the same name the same file.
    """

    def __init__(self, client: MlflowClient, run_id: str, journal: Journal, *, where: str) -> None:
        self._client = client
        self._run_id = run_id
        self._journal = journal
        self._where = shown(where)
        self._sending = threading.Lock()
        self._wanted, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlflow-sender", daemon=True)

    def start(self) -> None:
        """Begin to send in the background whenever :meth:`wake` is called."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send. Returns at once."""
        self._wanted.set()

    def stop(self, *, seconds: float | None = None) -> bool:
        """End the background thread once the request that it is in is over; False if that takes more than `seconds`."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def send(self) -> None:
        """Send everything that counts, now and in this thread.

        Raises:
            mlflow.exceptions.MlflowException, OSError: MLflow did not take it; the journal keeps what was not sent.
        """
        with self._sending:
            records = self._journal.countable()
            for batch in _batches([record for record in records if record.values]):
                self._client.log_batch(
                    self._run_id, metrics=[metric for record in batch for metric in _metrics(record)]
                )
                self._journal.forget(batch)
            for record in records:
                if record.picture:
                    self._send_picture(record)
                    self._journal.forget([record])

    def _send_picture(self, record: Record) -> None:
        """What MLflow's `log_image` does, but under names that depend on the record alone."""
        from mlflow.tracking.multimedia import compress_image_size
        from PIL import Image

        key = record.picture.rsplit("-", 1)[0]
        identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{self._run_id} {record.picture} {record.timestamp}")
        name = f"{key}+step+{record.step}+timestamp+{record.timestamp}+{identity}"
        with tempfile.TemporaryDirectory() as folder, Image.open(self._journal.picture(record)) as picture:
            whole, thumbnail = Path(folder) / f"{name}.png", Path(folder) / f"{name}+compressed.webp"
            whole.write_bytes(self._journal.picture(record).read_bytes())
            compress_image_size(picture).save(thumbnail)
            for file in (whole, thumbnail):
                self._client.log_artifact(self._run_id, str(file), PICTURES)
        self._client.set_tag(self._run_id, "mlflow.loggedImages", "True")

    def _run(self) -> None:
        pause, silent_since = 1.0, 0.0
        while True:
            self._wanted.wait()
            if self._stopped.is_set():
                return
            self._wanted.clear()
            try:
                self.send()
            except Exception as error:  # whatever it is, the training goes on; `send` at its end raises what lasts
                if not silent_since:
                    silent_since = time.monotonic()
                    _logger.warning(
                        "MLflow at %s takes no records (%s); the training goes on, and they wait on disk.",
                        self._where, reason(error),
                    )  # fmt: skip
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                self._wanted.set()
            else:
                if silent_since:
                    silence = time.monotonic() - silent_since
                    _logger.warning("MLflow at %s has all records again, after %.0f s.", self._where, silence)
                pause, silent_since = 1.0, 0.0


def sent_picture_steps(client: MlflowClient, run_id: str) -> set[int]:
    """The steps of which a run has pictures."""
    found = (_PICTURE_STEP.search(file.path) for file in client.list_artifacts(run_id, PICTURES))
    return {int(match[1]) for match in found if match}


def _metrics(record: Record) -> Iterator[Metric]:
    from mlflow.entities import Metric

    for name, value in record.values.items():
        yield Metric(name, value, record.timestamp, record.step)


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    """`records` in groups that fit into one request."""
    batch: list[Record] = []
    for record in records:
        if batch and sum(len(other.values) for other in (*batch, record)) > METRICS_PER_BATCH:
            yield batch
            batch = []
        batch.append(record)
    if batch:
        yield batch
