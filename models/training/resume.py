"""The checkpoints of a training in progress: which one to go on from, and which ones to delete."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import torch

from data.files import sha256_of
from models.checkpoint import STATE_FILE, CheckpointError, read_info
from models.text.frozen import FrozenWeights, check_frozen_weights

_STATES = 2  # The newest state to go on from, and one more in case the newest is damaged.

logger = logging.getLogger("flipbook.checkpoint")


def step_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` steps lies. Names sort by step."""
    return folder / f"step-{step:08d}"


def step_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of the training in `folder` before its final one, oldest first."""
    return sorted(folder.glob("step-*"))


def newest_state(folder: Path, *, frozen_text: FrozenWeights | None = None) -> dict[str, Any] | None:
    """The training state of the newest intact checkpoint below `folder`. Damaged checkpoints are logged and skipped.

    Returns:
        What the training handed to `save_checkpoint` as its state; None if there is no intact checkpoint.

    Raises:
        FrozenWeightsError: the training used another frozen text encoder than `frozen_text`.
    """
    for checkpoint in reversed(step_checkpoints(folder)):
        try:
            info, path = read_info(checkpoint), checkpoint / STATE_FILE
            if not path.is_file() or sha256_of(path) != info.state_sha256:
                raise CheckpointError(f"{path} is missing, or is not the file that was saved.")
        except CheckpointError as error:
            logger.warning("Skipping a damaged checkpoint: %s", error)
            continue
        check_frozen_weights(info.frozen_text, frozen_text, where=str(checkpoint))
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state
    return None


def remove_old(folder: Path, *, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints below `folder`, and the unfinished ones that a killed run left.

    Only the two newest keep `training.pt`, by far the largest file. Videos can be drawn from all that are kept.
    """
    checkpoints = step_checkpoints(folder)
    for checkpoint in checkpoints[:-keep]:
        shutil.rmtree(checkpoint, ignore_errors=True)
    for checkpoint in checkpoints[-keep:-_STATES]:
        (checkpoint / STATE_FILE).unlink(missing_ok=True)
    for unfinished in folder.glob(".*.tmp"):
        shutil.rmtree(unfinished, ignore_errors=True)
