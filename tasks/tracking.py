"""One training, one MLflow run, however often the training is killed and started again.

Losses and sample grids wait in memory until the checkpoint of their step is committed. A training that is killed goes
on from its last checkpoint and repeats the steps after it; as nothing of them was written, no step stands twice in the
charts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from data.manifest import Manifest
from data.storage import write_atomically
from evaluation.contact_sheet import contact_sheet
from models.checkpoint import checkpoint_digest
from models.trainer import Progress, Samples, Saved, TrainEvent
from tasks.home import Home
from tasks.lineage import dataset_input, flat_params, origin_tags
from tasks.mlflow_store import ensure_experiment, mlflow_lock, open_store, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

logger = logging.getLogger(__name__)

RUN_FILE = "mlflow_run.json"  # in the training's checkpoint folder
TRAINING_DIGEST_TAG = "flipbook.training_digest"
CHECKPOINT_DIGEST_TAG = "flipbook.checkpoint_digest"
ENDED_BECAUSE_TAG = "flipbook.ended_because"
SPEED_METRIC = "clips_per_second"
METRICS_PER_BATCH = 1000  # MLflow's limit for one log_batch
TAGS_PER_BATCH = 100  # also for params
SYSTEM_METRICS_SECONDS = 5.0


class RunRecord(BaseModel):
    """What a checkpoint folder remembers of its MLflow run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking_uri: str
    run_id: str


class TrainingRun:
    """The MLflow run of one training. Give :meth:`handle` to the trainer as its `report`, then :meth:`finish`.

    As a context manager it marks the run FAILED (KILLED for Ctrl-C) when the training raises.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, uri: str) -> None:
        self.run_id = run_id
        self._client = client
        self._uri = uri
        self._metrics: list[Metric] = []
        self._samples: list[Samples] = []
        self._logged_step = _last_logged_step(client, run_id)
        self._monitor: SystemMetricsMonitor | None = None

    @classmethod
    def open(
        cls,
        home: Home,
        *,
        training_digest: str,
        folder: Path,
        params: Mapping[str, object],
        dataset: Manifest,
        dataset_folder: Path,
        tags: Mapping[str, str] | None = None,
    ) -> Self:
        """Start the run of a training, or go on with the one it had before it was interrupted.

        Args:
            home: the home directory.
            training_digest: hash of all that determines the training's result; a run is found again by it.
            folder: the training's checkpoint folder; keeps the run's id.
            params: configs (pydantic models or mappings, nested as you like); logged as flat params.
            dataset: manifest of the training clips.
            dataset_folder: where they lie.
            tags: more tags for the run, e.g. the id of the flow run.

        Raises:
            mlflow.exceptions.MlflowException: the store cannot be reached.
        """
        client, uri = open_store(home), tracking_uri(home)
        experiment = ensure_experiment(client, home).experiment_id
        with mlflow_lock(home):
            run_id = _find_run(client, experiment, folder=folder, uri=uri, training_digest=training_digest)
            if run_id is None:
                first_tags = origin_tags("flipbook train") | {TRAINING_DIGEST_TAG: training_digest}
                name = f"train-{training_digest[:8]}"
                run_id = client.create_run(experiment, run_name=name, tags=first_tags).info.run_id
            record = RunRecord(tracking_uri=uri, run_id=run_id)
            write_atomically(folder / RUN_FILE, record.model_dump_json(indent=2).encode())
        client.update_run(run_id, status="RUNNING")
        if ENDED_BECAUSE_TAG in client.get_run(run_id).data.tags:
            client.delete_tag(run_id, ENDED_BECAUSE_TAG)
        _log_missing_params(client, run_id, flat_params(params))
        for key, value in (tags or {}).items():
            client.set_tag(run_id, key, value)
        client.log_inputs(run_id, [dataset_input(dataset, dataset_folder, context="training")])
        run = cls(client, run_id, uri=uri)
        run._start_monitor()
        return run

    def handle(self, event: TrainEvent) -> None:
        """Take one of the trainer's events. Written to the store when a checkpoint is saved, at the latest by `finish`.

        A store that cannot be reached does not stop the training: its records wait for the next checkpoint.
        """
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        if isinstance(event, Progress):
            if event.step > self._logged_step:
                now = int(time.time() * 1000)
                values = {f"loss/{name}": value for name, value in event.losses.items()}
                values[SPEED_METRIC] = event.clips_per_second
                self._metrics += [Metric(key, value, now, event.step) for key, value in values.items()]
        elif isinstance(event, Samples):
            if event.step > self._logged_step:
                self._samples.append(event)
        elif isinstance(event, Saved):
            try:
                self._flush()
            except MlflowException as error:
                logger.warning(
                    "MLflow at %s took no records at step %d (%s); they wait for the next checkpoint.",
                    self._uri, event.step, error,
                )  # fmt: skip

    def finish(self, checkpoint: Path) -> None:
        """Write what is left, tag the run with the digest of its final `checkpoint` folder, and end it as FINISHED."""
        self._flush()
        self._stop_monitor()
        self._client.set_tag(self.run_id, CHECKPOINT_DIGEST_TAG, checkpoint_digest(checkpoint))
        self._client.set_tag(self.run_id, "flipbook.checkpoint", str(checkpoint))
        self._client.set_terminated(self.run_id, status="FINISHED")

    def fail(self, why: str, *, status: str = "FAILED") -> None:
        """End the run as `status` and say `why` in a tag; what was recorded since the last checkpoint is dropped."""
        self._stop_monitor()
        self._client.set_tag(self.run_id, ENDED_BECAUSE_TAG, why)
        self._client.set_terminated(self.run_id, status=status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from mlflow.exceptions import MlflowException

        if error is None:
            return
        try:
            self.fail(
                f"{type(error).__name__}: {error}",
                status="FAILED" if isinstance(error, Exception) else "KILLED",
            )
        except MlflowException as unreachable:  # must not hide the error that ended the training
            logger.warning("MLflow at %s could not be told that the training ended (%s).", self._uri, unreachable)

    def _flush(self) -> None:
        while self._metrics:
            batch = self._metrics[:METRICS_PER_BATCH]
            self._client.log_batch(self.run_id, metrics=batch)
            self._logged_step = max(self._logged_step, batch[-1].step)
            del self._metrics[: len(batch)]
        while self._samples:
            event = self._samples[0]
            grid = contact_sheet(event.frames, event.prompts)
            self._client.log_image(self.run_id, grid, key="samples", step=event.step)
            del self._samples[0]

    def _start_monitor(self) -> None:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)
        self._monitor = SystemMetricsMonitor(
            self.run_id,
            sampling_interval=SYSTEM_METRICS_SECONDS,
            resume_logging=True,
            tracking_uri=self._uri,
        )
        self._monitor.start()

    def _stop_monitor(self) -> None:
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None


def _find_run(client: MlflowClient, experiment: str, *, folder: Path, uri: str, training_digest: str) -> str | None:
    """The live run that this training had before: by the folder's record, else by its digest."""
    from mlflow.exceptions import MlflowException

    path = folder / RUN_FILE
    if path.exists():
        record = RunRecord.model_validate_json(path.read_text())
        if record.tracking_uri == uri:
            try:
                if client.get_run(record.run_id).info.lifecycle_stage == "active":
                    return record.run_id
            except MlflowException as error:
                logger.info("The run %s of %s is gone (%s).", record.run_id, path, error)
    found = client.search_runs([experiment], f"tags.`{TRAINING_DIGEST_TAG}` = '{training_digest}'", max_results=1)
    return found[0].info.run_id if found else None


def _last_logged_step(client: MlflowClient, run_id: str) -> int:
    history = client.get_metric_history(run_id, SPEED_METRIC)
    return max((metric.step for metric in history), default=-1)


def _log_missing_params(client: MlflowClient, run_id: str, params: Mapping[str, str]) -> None:
    """Log params that the run does not have yet; MLflow refuses to change those that it has."""
    from mlflow.entities import Param

    known = client.get_run(run_id).data.params
    missing = [Param(key, value) for key, value in params.items() if key not in known]
    for start in range(0, len(missing), TAGS_PER_BATCH):
        client.log_batch(run_id, params=missing[start : start + TAGS_PER_BATCH])
