"""A checkpoint that was trained elsewhere becomes a version: it is verified, logged to its own run, and registered."""

from __future__ import annotations

import socket
from pathlib import Path

from data.home import Home
from data.subject import described
from models.checkpoint import CheckpointError, CheckpointInfo, checkpoint_digest, find_checkpoint
from tracking.lineage import IMPORTED_FROM_TAG, NOTE_TAG, flat_params, log_missing_params, origin_tags
from tracking.store import ensure_experiment, mlflow_lock, open_store, run_with_tags
from tracking.training_run import CHECKPOINT_DIGEST_TAG
from tracking.versions import ModelVersion, find_version, register_version

SOURCE = "flipbook register"


def import_checkpoint(home: Home, path: Path, *, note: str = "") -> tuple[ModelVersion, bool]:
    """Register the checkpoint at `path` as the next version of the model.

    A checkpoint that is registered already keeps its version. Nothing is unpickled, and one clip is drawn before
    anything is written. MLflow gets copies of the files, so `path` may be deleted afterwards.

    Args:
        home: the home directory.
        path: a checkpoint's folder, or the .safetensors file in it.
        note: one sentence about the checkpoint, shown on the version's page.

    Returns:
        The version, and whether it is new.

    Raises:
        CheckpointError: there is no checkpoint, it is damaged, its weights are not finite, or it is from another
            program.
    """
    folder = find_checkpoint(path).absolute()
    info = _try_out(folder)
    digest = checkpoint_digest(folder)
    known = find_version(home, digest)
    if known is not None:
        return known, False
    run_id = _run_of_import(home, folder, info, digest=digest, note=note)
    return register_version(home, run_id=run_id, checkpoint=folder, digest=digest), True


def _try_out(folder: Path) -> CheckpointInfo:
    """Draw one clip with the checkpoint, which shows that its weights are whole and fit its description."""
    from models.sampling import TextToVideo

    try:
        model = TextToVideo.load(folder, device="cpu")
    except CheckpointError as error:  # PyTorch writes one line per tensor
        raise CheckpointError(str(error).splitlines()[0].rstrip(":")) from error
    model.generate([model.info.subject.seen_prompts[0]], seed=0, unknown_words=model.unknown_words)
    return model.info


def _run_of_import(home: Home, folder: Path, info: CheckpointInfo, *, digest: str, note: str) -> str:
    """The finished run that stands for the training elsewhere. A run that an earlier try began is completed."""
    client = open_store(home)
    experiment = ensure_experiment(client, home).experiment_id
    with mlflow_lock(home):
        run = run_with_tags(client, experiment, {CHECKPOINT_DIGEST_TAG: digest, "mlflow.source.name": SOURCE})
        if run is None:
            place = folder.relative_to(home.root) if folder.is_relative_to(home.root) else folder
            tags = {CHECKPOINT_DIGEST_TAG: digest, IMPORTED_FROM_TAG: f"{socket.gethostname()}:{place}"}
            if note:
                tags[NOTE_TAG] = note
            run = client.create_run(experiment, run_name=f"import-{digest[:8]}", tags=origin_tags(SOURCE) | tags)
        run_id = str(run.info.run_id)
        facts = {"step": info.step, "dataset_digest": info.dataset_digest}
        log_missing_params(client, run_id, flat_params(described(info.subject) | {"model": info.model} | facts))
        client.set_terminated(run_id, status="FINISHED")
    return run_id
