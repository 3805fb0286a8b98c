"""The training task: resumes where a killed one stopped, and tells MLflow and whoever watches how it goes."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from data.home import Home
from data.worlds.world import WorldConfig
from models.config import ModelConfig, TrainConfig
from tasks.cache.code_digest import code_digest
from tasks.cache.policy import cached_by, content_hash, retried, worth_retrying
from tasks.cache.references import CheckpointReference, DatasetReference, references_to
from tasks.progress.progress import current_progress
from tracking.patience import MlflowUnreachableError

STEP = "train"
TRAINING_CODE = "models.training.trainer"
FLOW_RUN_TAG = "prefect.flow_run_id"
DEVICE_TAG = "flipbook.device"

_logger = logging.getLogger("flipbook.train")


def training_digest(world: WorldConfig, model: ModelConfig, train: TrainConfig, dataset: DatasetReference) -> str:
    """Hash of all that determines a training: its configs, the clips' bytes, and the code of the trainer."""
    return content_hash([world, model, train, dataset, code_digest(TRAINING_CODE)])


def checkpoint_folder(home: Home, digest: str) -> Path:
    """Where the checkpoints of the training with that digest lie."""
    return home.checkpoints / digest[:16]


def is_trained(
    home: Home, world: WorldConfig, model: ModelConfig, train: TrainConfig, dataset: DatasetReference
) -> bool:
    """Whether the training has ended, and its final checkpoint is what was saved then."""
    from models.checkpoint import FINAL, CheckpointError, checkpoint_digest

    final = checkpoint_folder(home, training_digest(world, model, train, dataset)) / FINAL
    try:
        return final.exists() and bool(checkpoint_digest(final))
    except CheckpointError:
        return False


def worth_training_again(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """As `worth_retrying`, but for an MLflow server that was waited for already: the next try would wait as long again,
    and hold the GPU meanwhile."""
    return not isinstance(state.data, MlflowUnreachableError) and worth_retrying(task, task_run, state)


@task(name=STEP, **cached_by(TRAINING_CODE), **(retried(2) | {"retry_condition_fn": worth_training_again}))
def train_model(
    home: Home, world: WorldConfig, model: ModelConfig, train: TrainConfig, dataset: DatasetReference
) -> CheckpointReference:
    """Trains a model on `dataset`, or goes on with the training of the same digest that was interrupted.

    Call it directly, in the main thread: there a timeout or Ctrl-C can stop it.
    """
    from data.reading.dataset import load_clips
    from models.checkpoint import FINAL, INFO_FILE, WEIGHTS_FILE, checkpoint_digest
    from models.training.trainer import Progress, TrainEvent
    from models.training.trainer import train as run_training
    from tracking.training_run import TrainingRun

    digest = training_digest(world, model, train, dataset)
    folder = checkpoint_folder(home, digest)
    folder.mkdir(parents=True, exist_ok=True)
    device = _device_in_words(train.device)
    get_run_logger().info("training on %s", device)
    progress = current_progress()
    # Where CPU time ends it, how many steps there will be is an estimate that changes: show per cent.
    total = 100 if train.cpu_minutes else train.steps
    progress.start(STEP, total)
    clips = load_clips(dataset.folder)
    _remove_damaged(folder / FINAL)
    with TrainingRun.open(
        home,
        training_digest=digest,
        folder=folder,
        params={"world": world, "model": model, "train": train},
        dataset=dataset.manifest(),
        dataset_folder=dataset.folder,
        tags={FLOW_RUN_TAG: str(flow_run.get_id() or ""), DEVICE_TAG: device},
    ) as run:

        def report(event: TrainEvent) -> None:
            run.handle(event)
            if isinstance(event, Progress):
                losses = "  ".join(f"{name} {value:.3g}" for name, value in event.losses.items())
                done = total * event.step // event.total
                progress.update(STEP, done, f"{losses}  {event.clips_per_second:.0f} clips/s")

        final = run_training(clips=clips, world=world, model=model, train=train, folder=folder, report=report)
        run.finish(final)
    progress.finish(STEP, f"checkpoint {final}")
    return CheckpointReference(
        folder=final,
        digest=checkpoint_digest(final),
        run_id=run.run_id,
        files=references_to((final / INFO_FILE, final / WEIGHTS_FILE)),
    )


def _device_in_words(name: str) -> str:
    """Where a training with the device `name` runs, and, where one could expect a GPU, why it does not run there."""
    import torch

    from models.device import pick_device

    device = pick_device(name)
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return "the CPU: torch finds no CUDA GPU here" if name == "auto" else "the CPU, as asked"


def _remove_damaged(final: Path) -> None:
    """Deletes the final checkpoint of an earlier training where it is not what was saved, so that it is made again."""
    from models.checkpoint import CheckpointError, checkpoint_digest

    if final.exists():
        try:
            checkpoint_digest(final)
        except CheckpointError as error:
            _logger.warning("training again from the newest intact checkpoint: %s", error)
            shutil.rmtree(final)
