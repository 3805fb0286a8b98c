"""A checkpoint that was trained elsewhere becomes a version: verified, logged to a run of its own, registered."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from data.home import Home
from models.checkpoint import INFO_FILE, WEIGHTS_FILE, CheckpointError, CheckpointInfo, checkpoint_digest
from tracking.lineage import IMPORTED_FROM_TAG, NOTE_TAG, flat_params, origin_tags
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags
from tracking.training_run import CHECKPOINT_DIGEST_TAG, log_missing_params
from tracking.versions import ModelVersion, find_version, register_version

SOURCE = "flipbook register"


@dataclass(frozen=True)
class Imported:
    """What became of a checkpoint: its version; whether that is `new`."""

    version: ModelVersion
    new: bool


def import_checkpoint(home: Home, path: Path, *, note: str = "") -> Imported:
    """Register the checkpoint at `path` as the next version of the model; one that is registered keeps its version.

    Nothing of it is unpickled, and it is drawn with once before anything is written. MLflow gets copies of its files,
    so `path` may go away afterwards.

    Args:
        home: the home directory.
        path: a checkpoint's folder, or the .safetensors file in it.
        note: what people should know of it, in a sentence; shown on the version's page.

    Raises:
        CheckpointError: there is no checkpoint, it is damaged, or from another program.
    """
    folder = _folder_of(path)
    info = _try_out(folder)
    digest = checkpoint_digest(folder)
    known = find_version(home, digest)
    if known is None:
        run_id = _run_of_import(home, folder, info, digest=digest, note=note)
        version = register_version(home, run_id=run_id, checkpoint=folder, digest=digest)
    else:
        version = known
    return Imported(version, new=known is None)


def _folder_of(path: Path) -> Path:
    if not path.exists():
        raise CheckpointError(f"There is no file or folder {path}. Name a checkpoint's folder or its {WEIGHTS_FILE}.")
    if path.is_dir():
        return path.resolve()
    if path.name != WEIGHTS_FILE:
        raise CheckpointError(f"{path} is no checkpoint. Name a folder with {INFO_FILE} and {WEIGHTS_FILE} in it.")
    return path.resolve().parent


def _try_out(folder: Path) -> CheckpointInfo:
    """Draws one clip with the checkpoint: its weights then are whole, and fit its description."""
    from models.sampling import TextToVideo

    try:
        model = TextToVideo.load(folder, device="cpu")
    except CheckpointError as error:  # PyTorch's part of it may be a line a tensor
        raise CheckpointError(str(error).splitlines()[0].rstrip(":")) from error
    model.generate([model.world.seen_prompts[0]], seed=0)
    return model.info


def _run_of_import(home: Home, folder: Path, info: CheckpointInfo, *, digest: str, note: str) -> str:
    """The finished run that stands for the training elsewhere; one that an earlier try has begun is completed."""
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    with mlflow_lock(home):
        run = run_with_tags(client, experiment, {CHECKPOINT_DIGEST_TAG: digest, "mlflow.source.name": SOURCE})
        if run is None:
            tags = origin_tags(SOURCE) | {
                CHECKPOINT_DIGEST_TAG: digest,
                IMPORTED_FROM_TAG: f"{socket.gethostname()}:{folder}",
                "flipbook.checkpoint": str(folder),
            }
            if note:
                tags[NOTE_TAG] = note
            run = client.create_run(experiment, run_name=f"import-{digest[:8]}", tags=tags)
        run_id = str(run.info.run_id)
        facts = {"step": info.step, "dataset_digest": info.dataset_digest}
        log_missing_params(client, run_id, flat_params({"world": info.world, "model": info.model} | facts))
        client.set_terminated(run_id, status="FINISHED")
    return run_id
