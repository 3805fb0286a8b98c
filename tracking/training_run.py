"""One training has one MLflow run, however often the training is killed and started again.

Losses, sample grids and the machine's load reach MLflow in the background while the training goes on. Only
`TrainingRun.open` and `TrainingRun.finish` need the server, and both can be called again after they have failed.
A training that was killed repeats the steps after its last checkpoint, so these points can stand in a curve twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from data.home import Home
from data.shards.manifest import Manifest
from evaluation.pictures.contact_sheet import contact_sheet
from tracking.lineage import NOTE_TAG, dataset_input, flat_params, log_missing_params, origin_tags
from tracking.shown_uri import shown_text
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags, tracking_uri
from tracking.store_check import reason
from tracking.uploads import Uploads

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    from models.training.trainer import TrainEvent

TRAINING_DIGEST_TAG = "flipbook.training_digest"
CHECKPOINT_DIGEST_TAG = "flipbook.checkpoint_digest"
ENDED_BECAUSE_TAG = "flipbook.ended_because"
SAMPLES = "samples"
NOTE = (
    "One training. *Model metrics* shows its losses and, as `samples`, one clip of each prompt step by step (best in "
    "full screen). Metrics that are named after a tier, such as `T1/joint_exact`, are the scores of its model's last "
    "evaluation."
)

_logger = logging.getLogger("flipbook.mlflow")


class TrainingRun:
    """The MLflow run of one training. Give `handle` to the trainer as its `report`, then call `finish`.

    As a context manager it marks the run FAILED (KILLED for Ctrl-C) when the training raises.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, uri: str) -> None:
        from tracking.machine_load import MachineLoad

        self.run_id = run_id
        self._client = client
        self._uploads = Uploads(uri)
        self._machine = MachineLoad(run_id, uri)

    @staticmethod
    def open(
        home: Home,
        *,
        training_digest: str,
        params: Mapping[str, object],
        dataset: Manifest,
        dataset_folder: Path,
        tags: Mapping[str, str] | None = None,
    ) -> TrainingRun:
        """Start the run of a training, or continue the run that it had before it was interrupted.

        Args:
            home: the home directory.
            training_digest: digest of the training; its run is found by it.
            params: configs (nested pydantic models or mappings), logged as flat params. Params that the run has stay.
            dataset: manifest of the training clips.
            dataset_folder: where the clips are.
            tags: more tags for the run, for example the id of the flow run.

        Raises:
            StoreError, mlflow.exceptions.MlflowException: the store cannot be used; `is_transient` tells whether
                another try may help.
        """
        client = open_store(home)
        experiment = ensure_experiment(client, home).experiment_id
        with mlflow_lock(home):
            run = run_with_tags(client, experiment, {TRAINING_DIGEST_TAG: training_digest})
            if run is None:
                own = {TRAINING_DIGEST_TAG: training_digest, NOTE_TAG: NOTE}
                name = f"train-{training_digest[:8]}"
                run = client.create_run(experiment, run_name=name, tags=origin_tags("flipbook train") | own)
        run_id = str(run.info.run_id)
        client.update_run(run_id, status="RUNNING")
        if ENDED_BECAUSE_TAG in run.data.tags:
            client.delete_tag(run_id, ENDED_BECAUSE_TAG)
        log_missing_params(client, run_id, flat_params(params))
        for key, value in (tags or {}).items():
            client.set_tag(run_id, key, value)
        place = dataset_folder.relative_to(home.root) if dataset_folder.is_relative_to(home.root) else dataset_folder
        client.log_inputs(run_id, [dataset_input(dataset, str(place), context="training")])
        opened = TrainingRun(client, run_id, uri=tracking_uri(home))
        opened._machine.start()
        return opened

    def handle(self, event: TrainEvent) -> None:
        """Take one of the trainer's events. Returns at once; the event reaches MLflow soon."""
        from models.training.trainer import Progress, Samples

        if isinstance(event, Progress):
            values = {f"loss/{name}": value for name, value in event.losses.items()}
            metrics = _metrics(values | {"clips_per_second": event.clips_per_second}, step=event.step)
            self._uploads.add(partial(self._client.log_batch, self.run_id, metrics=metrics))
        elif isinstance(event, Samples):
            grid, now = contact_sheet(event.frames, event.prompts), _now()
            self._uploads.add(
                partial(self._client.log_image, self.run_id, grid, key=SAMPLES, step=event.step, timestamp=now)
            )

    def finish(self, checkpoint_digest: str) -> None:
        """Upload what is left, tag the run with the digest of its final checkpoint, and end it as FINISHED.

        It waits up to ten minutes for a server that is away, and then raises what `open` raises. The training itself
        is complete at that time: open the run again and finish it when the server is back.
        """
        self._machine.finish()
        self._uploads.finish()
        self._client.set_tag(self.run_id, CHECKPOINT_DIGEST_TAG, checkpoint_digest)
        self._client.set_terminated(self.run_id, status="FINISHED")

    def fail(self, why: str, *, status: str = "FAILED") -> None:
        """End the run as `status`, without what was not uploaded yet, and say `why` in a tag."""
        self._machine.give_up()
        self._uploads.give_up()
        self._client.set_tag(self.run_id, ENDED_BECAUSE_TAG, why)
        self._client.set_terminated(self.run_id, status=status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        try:
            self.fail(shown_text(f"{type(error).__name__}: {error}"), status=status)
        except Exception as unreachable:  # must not hide the error that ended the training
            _logger.warning("MLflow could not be told that the training ended (%s).", reason(unreachable))


def finished_run(home: Home, training_digest: str) -> str | None:
    """The id of the finished run of the training with this digest; None if the store has none."""
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    run = run_with_tags(client, experiment, {TRAINING_DIGEST_TAG: training_digest})
    return str(run.info.run_id) if run is not None and run.info.status == "FINISHED" else None


def _metrics(values: Mapping[str, float], *, step: int) -> list[Metric]:
    from mlflow.entities import Metric

    now = _now()
    return [Metric(name, value, now, step) for name, value in values.items()]


def _now() -> int:
    """Milliseconds since 1970, as MLflow counts time."""
    return int(time.time() * 1000)
