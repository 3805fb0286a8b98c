"""The training task: it goes on where a killed one stopped, and reports its progress to MLflow and Prefect."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from prefect import task
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from data.home import Home
from data.subject import described
from models.config import ModelConfig, TrainConfig
from tasks.cache.artifact import MANIFEST, Artifact
from tasks.dataset import Dataset
from tasks.progress.progress import current_progress
from tasks.retrying import MLFLOW_ATTEMPTS, kept, retried
from tracking.model_reference import ResolvedModel

STEP = "train"
FLOW_RUN_TAG = "prefect.flow_run_id"
DEVICE_TAG = "flipbook.device"

_logger = logging.getLogger("flipbook.train")


def training_artifact(model: ModelConfig, train: TrainConfig, dataset: Dataset) -> Artifact:
    """The identity of a training: its configuration, its clips, and the code of the trainer."""
    return Artifact.of(
        "training",
        config={"model": model, "train": train},
        inputs=[dataset.digest],
        code=["models.training.trainer"],
    )


@task(name=STEP, **retried(MLFLOW_ATTEMPTS))
def train_model(home: Home, model: ModelConfig, train: TrainConfig, dataset: Dataset) -> ResolvedModel:
    """Train a model on `dataset`, or go on with the same training where it was interrupted.

    A training that has ended is kept. If MLflow has lost its run, the run is written again.
    Call it directly, in the main thread: there a timeout or Ctrl-C can stop it.
    """
    from models.checkpoint import FINAL, checkpoint_digest
    from tracking.training_run import finished_run

    artifact = training_artifact(model, train, dataset)
    folder = artifact.folder(home)
    with artifact.lock(home):
        whole = artifact.is_whole(home)
        run_id = finished_run(home, artifact.digest) if whole else None
        if run_id is None:
            if not whole:
                _remove_damaged(folder)
            run_id, digest = _train(home, model, train, dataset, artifact)
            artifact.complete(home, [path for path in (folder / FINAL).iterdir() if path.name != "training.pt"])
        else:
            digest = checkpoint_digest(folder / FINAL)
        found = ResolvedModel(
            ref=f"runs:/{run_id}/model", version=None, run_id=run_id, checkpoint=folder / FINAL, digest=digest
        )
    return kept(found) if whole else found


def _train(home: Home, model: ModelConfig, train: TrainConfig, dataset: Dataset, artifact: Artifact) -> tuple[str, str]:
    """Run the training to its end, with its MLflow run. Returns the run's id and the digest of the final checkpoint."""
    from data.reading.dataset import load_clips
    from models.checkpoint import checkpoint_digest
    from models.training.expectation import Expectation
    from models.training.trainer import Progress, Reading, TrainEvent
    from models.training.trainer import train as run_training
    from tracking.training_run import TrainingRun

    folder = artifact.folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    device = _device_in_words(train.device)
    get_run_logger().info("training on %s", device)
    progress = current_progress()
    # Where CPU time ends the training, the number of steps is an estimate that changes. Then per cent are shown.
    total = 100 if train.cpu_minutes else train.steps
    progress.start(STEP, total)
    clips = load_clips(dataset.folder)
    subject = clips.manifest.subject
    with TrainingRun.open(
        home,
        training_digest=artifact.digest,
        params={**described(subject), "model": model, "train": train},
        dataset=clips.manifest,
        dataset_folder=dataset.folder,
        tags={FLOW_RUN_TAG: str(flow_run.get_id() or ""), DEVICE_TAG: device},
    ) as run:

        def report(event: TrainEvent) -> None:
            run.handle(event)
            if isinstance(event, Expectation):
                get_run_logger().info("the training will take %s", event)
                progress.update(STEP, 0, str(event))
            if isinstance(event, Progress):
                losses = "  ".join(f"{name} {value:.3g}" for name, value in event.losses.items())
                done = total * event.step // event.total
                progress.update(STEP, done, f"{losses}  {event.clips_per_second:.0f} clips/s")
            elif isinstance(event, Reading):
                progress.update(STEP, 0, f"{event.done} of {event.total} captions read")

        final = run_training(clips=clips, subject=subject, model=model, train=train, folder=folder, report=report)
        digest = checkpoint_digest(final)
        run.finish(digest)
    progress.finish(STEP, f"checkpoint {final}")
    return run.run_id, digest


def _device_in_words(name: str) -> str:
    """Where a training with the device `name` runs. If a GPU could be expected, also why none is used."""
    import torch

    from models.device import pick_device

    device = pick_device(name)
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return "the CPU: torch finds no CUDA GPU here" if name == "auto" else "the CPU, as asked"


def _remove_damaged(folder: Path) -> None:
    """Delete the final checkpoint in `folder`, which is not whole, so that it is made again from the one before it.

    A checkpoint that is intact stays if no manifest was written yet: its training was interrupted just before that.
    """
    from models.checkpoint import FINAL, CheckpointError, checkpoint_digest

    final, manifest = folder / FINAL, folder / MANIFEST
    if not final.exists():
        return
    why = "a file of the final checkpoint is missing or damaged"
    if not manifest.exists():
        try:
            checkpoint_digest(final)
        except CheckpointError as error:
            why = str(error)
        else:
            return
    _logger.warning("training again from the newest intact checkpoint: %s", why)
    shutil.rmtree(final)
