"""One training, one MLflow run, however often the training is killed and started again, and whatever its server does.

Losses, sample grids and the machine's load go into a journal on disk (`tracking.journal`) and from there, in a thread
of its own (:mod:`tracking.sender`), to MLflow, once the checkpoint of their step is complete. A training that is killed
goes on from its last checkpoint and repeats the steps after it; as nothing of them was written, no step stands twice in
the charts. A server that is away holds nothing up: only :meth:`TrainingRun.open` and :meth:`TrainingRun.finish` wait
for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from data.files import write_atomically
from data.home import Home
from data.shards.manifest import Manifest
from evaluation.pictures.contact_sheet import contact_sheet
from models.checkpoint import FINAL, CheckpointError, checkpoint_digest, read_info
from models.training.trainer import Progress, Samples, Saved, TrainEvent
from tracking.journal import Journal, Record
from tracking.lineage import NOTE_TAG, dataset_input, flat_params, origin_tags
from tracking.machine import PREFIX, MachineWatch
from tracking.patience import patiently, reason
from tracking.sender import Sender, sent_picture_steps
from tracking.shown_uri import shown, shown_text
from tracking.store import ensure_experiment, mlflow_lock, open_store, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger("flipbook.tracking")

RUN_FILE = "mlflow_run.json"  # in the training's checkpoint folder
UNSENT = "unsent"  # also there: the journal
TRAINING_DIGEST_TAG = "flipbook.training_digest"
CHECKPOINT_DIGEST_TAG = "flipbook.checkpoint_digest"
ENDED_BECAUSE_TAG = "flipbook.ended_because"
SPEED_METRIC = "clips_per_second"
LOAD_METRIC = PREFIX + "cpu_utilization_percentage"
SAMPLES = "samples"
NOTE = (
    "One training. *Model metrics* shows its losses and, as `samples`, a clip of every prompt step by step (best in "
    "full screen); metrics named after a tier, as `T1/joint_exact`, are the scores of its model's last evaluation."
)
PARAMS_PER_BATCH = 100  # MLflow's limit for one log_batch
SECONDS_FOR_A_LAST_WORD = 5.0  # of a training that fails or is interrupted


class RunRecord(BaseModel):
    """What a checkpoint folder remembers of its MLflow run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking_uri: str  # without a password
    run_id: str


class TrainingRun:
    """The MLflow run of one training. Give :meth:`handle` to the trainer as its `report`, then :meth:`finish`.

    As a context manager it marks the run FAILED (KILLED for Ctrl-C) when the training raises.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, folder: Path, uri: str) -> None:
        self.run_id = run_id
        self._client = client
        self._uri = uri
        journal = Journal(folder / UNSENT, committed=_newest_step(folder))
        self._known_values = _logged_steps(client, run_id, SPEED_METRIC) | journal.steps(pictures=False)
        self._known_samples = sent_picture_steps(client, run_id) | journal.steps(pictures=True)
        self._journal = journal
        self._sender = Sender(client, run_id, journal, where=uri)
        measured = _logged_steps(client, run_id, LOAD_METRIC) | {record.step for record in journal.countable()}
        self._watch = MachineWatch(run_id, journal, self._sender, next_number=max(measured, default=-1) + 1, uri=uri)

    @staticmethod
    def open(
        home: Home,
        *,
        training_digest: str,
        folder: Path,
        params: Mapping[str, object],
        dataset: Manifest,
        dataset_folder: Path,
        tags: Mapping[str, str] | None = None,
    ) -> TrainingRun:
        """Start the run of a training, or go on with the one it had before it was interrupted.

        Args:
            home: the home directory.
            training_digest: hash of all that determines the training's result; a run is found again by it.
            folder: the training's checkpoint folder; keeps the run's id and what MLflow has not taken yet.
            params: configs (pydantic models or mappings, nested as you like); logged as flat params.
            dataset: manifest of the training clips.
            dataset_folder: where they lie.
            tags: more tags for the run, e.g. the id of the flow run.

        Raises:
            tracking.patience.MlflowUnreachableError: the server has not answered for ten minutes.
            mlflow.exceptions.MlflowException: the store refuses.
        """

        def begin() -> TrainingRun:
            client, uri = open_store(home), tracking_uri(home)
            run_id = _begin_run(client, home, folder=folder, uri=uri, training_digest=training_digest)
            log_missing_params(client, run_id, flat_params(params))
            for key, value in (tags or {}).items():
                client.set_tag(run_id, key, value)
            client.log_inputs(run_id, [dataset_input(dataset, dataset_folder, context="training")])
            return TrainingRun(client, run_id, folder=folder, uri=uri)

        run = patiently(begin, where=tracking_uri(home), loss="The training has not begun.")
        run._sender.start()
        run._sender.wake()  # what an earlier process could not send
        run._watch.start()
        return run

    def handle(self, event: TrainEvent) -> None:
        """Take one of the trainer's events, in no time: it is on disk when this returns, and in MLflow some time later.

        Raises:
            data.files.StorageError: the disk does not take it.
        """
        now = int(time.time() * 1000)
        if isinstance(event, Progress):
            if event.step not in self._known_values:
                self._known_values.add(event.step)
                values = {f"loss/{name}": value for name, value in event.losses.items()}
                values[SPEED_METRIC] = event.clips_per_second
                self._journal.add(Record(step=event.step, timestamp=now, values=values))
        elif isinstance(event, Samples):
            if event.step not in self._known_samples:
                self._known_samples.add(event.step)
                grid = contact_sheet(event.frames, event.prompts)
                self._journal.add_picture(grid, name=SAMPLES, step=event.step, timestamp=now)
        elif isinstance(event, Saved):
            self._journal.commit(event.step)
            self._sender.wake()

    def finish(self, checkpoint: Path) -> None:
        """Write what is left, tag the run with the digest of its final `checkpoint` folder, and end it as FINISHED.

        Raises:
            tracking.patience.MlflowUnreachableError: the server has not answered for ten minutes. The records stay on
                disk: `open` the run again and finish it when the server is back.
        """
        self._watch.stop()
        self._sender.stop()
        self._journal.commit(read_info(checkpoint).step)

        def conclude() -> None:
            self._sender.send()
            self._client.set_tag(self.run_id, CHECKPOINT_DIGEST_TAG, checkpoint_digest(checkpoint))
            self._client.set_tag(self.run_id, "flipbook.checkpoint", str(checkpoint))
            self._client.set_terminated(self.run_id, status="FINISHED")

        patiently(
            conclude, where=self._uri, loss=f"The training is finished and kept in {checkpoint}, its records beside it."
        )

    def fail(self, why: str, *, status: str = "FAILED") -> None:
        """End the run as `status` and say `why` in a tag; what was recorded since the last checkpoint is left out."""
        self._watch.stop()
        idle = self._sender.stop(seconds=SECONDS_FOR_A_LAST_WORD)
        self._client.set_tag(self.run_id, ENDED_BECAUSE_TAG, why)
        self._client.set_terminated(self.run_id, status=status)
        if idle:
            self._sender.send()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        try:
            self.fail(
                shown_text(f"{type(error).__name__}: {error}"),
                status="FAILED" if isinstance(error, Exception) else "KILLED",
            )
        except Exception as unreachable:  # must not hide the error that ended the training
            logger.warning(
                "MLflow at %s could not be told that the training ended (%s).", shown(self._uri), reason(unreachable)
            )


def _begin_run(client: MlflowClient, home: Home, *, folder: Path, uri: str, training_digest: str) -> str:
    """The training's run, running: the one that it had, else a new one."""
    experiment = ensure_experiment(client, home).experiment_id
    with mlflow_lock(home):
        run_id = _find_run(client, experiment, folder=folder, uri=uri, training_digest=training_digest)
        if run_id is None:
            tags = origin_tags("flipbook train") | {TRAINING_DIGEST_TAG: training_digest, NOTE_TAG: NOTE}
            run_id = client.create_run(experiment, run_name=f"train-{training_digest[:8]}", tags=tags).info.run_id
        record = RunRecord(tracking_uri=shown(uri), run_id=run_id)
        write_atomically(folder / RUN_FILE, record.model_dump_json(indent=2).encode())
    client.update_run(run_id, status="RUNNING")
    if ENDED_BECAUSE_TAG in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, ENDED_BECAUSE_TAG)
    return str(run_id)


def _find_run(client: MlflowClient, experiment: str, *, folder: Path, uri: str, training_digest: str) -> str | None:
    """The live run that this training had before: by the folder's record, else by its digest."""
    from mlflow.exceptions import MlflowException

    path = folder / RUN_FILE
    record = _read_record(path)
    if record and record.tracking_uri == shown(uri):
        try:
            run = client.get_run(record.run_id)
            if run.info.lifecycle_stage == "active" and run.data.tags.get(TRAINING_DIGEST_TAG) == training_digest:
                return record.run_id
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            logger.info("The run %s of %s is gone (%s).", record.run_id, path, reason(error))
    found = client.search_runs([experiment], f"tags.`{TRAINING_DIGEST_TAG}` = '{training_digest}'", max_results=1)
    return found[0].info.run_id if found else None


def _read_record(path: Path) -> RunRecord | None:
    """The record in `path`; None where there is none, or where it is damaged: the run is found without it."""
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        logger.warning("Passing over %s, which is damaged.", path)
        return None


def finished_run(home: Home, training_digest: str) -> str | None:
    """The id of the finished MLflow run of a training. None if MLflow has none, or not a finished one."""
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    found = client.search_runs(
        [experiment],
        f"tags.`{TRAINING_DIGEST_TAG}` = '{training_digest}' and attributes.status = 'FINISHED'",
        max_results=1,
    )
    return str(found[0].info.run_id) if found else None


def _logged_steps(client: MlflowClient, run_id: str, metric: str) -> set[int]:
    return {found.step for found in client.get_metric_history(run_id, metric)}


def _newest_step(folder: Path) -> int:
    """The step of the newest complete checkpoint of a training, -1 where there is none."""
    steps = [-1]
    for checkpoint in (*folder.glob("step-*"), folder / FINAL):
        try:
            steps.append(read_info(checkpoint).step)
        except CheckpointError:  # none, or a damaged one, of which the trainer speaks
            continue
    return max(steps)


def log_missing_params(client: MlflowClient, run_id: str, params: Mapping[str, str]) -> None:
    """Log params that the run does not have yet; MLflow refuses to change those that it has."""
    from mlflow.entities import Param

    known = client.get_run(run_id).data.params
    missing = [Param(key, value) for key, value in params.items() if key not in known]
    for start in range(0, len(missing), PARAMS_PER_BATCH):
        client.log_batch(run_id, params=missing[start : start + PARAMS_PER_BATCH])
