"""Checkpoints: folders that appear only when they are complete. Nothing in them is unpickled when it is read.

step-00001200/
    checkpoint.json          configuration, vocabulary, step, digest of the data set, sha256 of the next two files
    generator.safetensors    the generator's averaged weights
    training.pt              all that the training needs to go on; it is read with weights_only=True
    *.pth                    the tutorial's network only: weights in the tutorial's own file format

A checkpoint holds no path, so it can be moved and copied.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.files import StorageError, sha256_of
from data.subject import Subject
from models.config import ModelConfig
from models.text.frozen import FrozenWeights

if TYPE_CHECKING:  # many commands only read descriptions, and PyTorch takes seconds to load
    from torch import Tensor

INFO_FILE = "checkpoint.json"
WEIGHTS_FILE = "generator.safetensors"
STATE_FILE = "training.pt"
FINAL = "final"
"""Name of the folder of a training's last checkpoint."""

_DIGESTED = ("weights_sha256", "subject", "model", "vocabulary")


class CheckpointError(ValueError):
    """A folder holds no usable checkpoint. The message says why and what to do."""


class CheckpointInfo(BaseModel):
    """The content of `checkpoint.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[2] = Field(2, description="Version of this file's layout.")
    subject: Subject = Field(description="What the model has learned: a world, or clips that people have captioned.")
    model: ModelConfig
    vocabulary: tuple[str, ...] = Field(description="Words of the training prompts.")
    step: int = Field(ge=0, description="Training steps done.")
    cpu_seconds: float = Field(
        0.0, ge=0, description="CPU seconds of these steps, summed over all threads; 0 if the training has no limit."
    )
    dataset_digest: str = Field(description="Digest of the data set of the training.")
    frozen_text: FrozenWeights | None = Field(
        None, description="The frozen text encoder of the training. Its weights are not part of the checkpoint."
    )
    weights_sha256: str = Field(description="sha256 (hex) of generator.safetensors.")
    state_sha256: str = Field(description="sha256 (hex) of training.pt.")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose weights were read and verified."""

    info: CheckpointInfo
    digest: str
    """See `checkpoint_digest`."""
    weights: dict[str, Tensor]
    """The generator's averaged weights by name, on the CPU."""


def find_checkpoint(path: Path) -> Path:
    """The checkpoint folder that a user means by `path`: the folder itself, or the .safetensors file in it.

    If the file is a link, the folder of the link is preferred to the folder of the file that it points to.

    Raises:
        CheckpointError: there is nothing at `path`, or it is no checkpoint folder and no weights file of one.
    """
    if path.is_dir():
        return path
    if not path.exists():
        raise CheckpointError(f"There is no file or folder {path}. Name a checkpoint folder or its {WEIGHTS_FILE}.")
    for folder in (path.parent, path.resolve().parent):
        weights = folder / WEIGHTS_FILE
        if (folder / INFO_FILE).is_file() and weights.is_file() and weights.samefile(path):
            return folder
    raise CheckpointError(
        f"{path} belongs to no checkpoint. Name a folder that holds {INFO_FILE} and {WEIGHTS_FILE}, or the latter."
    )


def save_checkpoint(
    folder: Path,
    *,
    weights: dict[str, Tensor],
    state: dict[str, Any],
    subject: Subject,
    model: ModelConfig,
    step: int,
    dataset_digest: str,
    frozen_text: FrozenWeights | None = None,
    cpu_seconds: float = 0.0,
    exports: Mapping[str, dict[str, Tensor]] | None = None,
) -> Path:
    """Write a checkpoint. `folder` appears once everything is written, and replaces an older folder of that name.

    Args:
        folder: where the checkpoint will be.
        weights: the generator's averaged weights.
        state: all that the training needs to go on: tensors, numbers and strings.
        subject: what the model has learned.
        model: the configuration of the networks.
        step: training steps done.
        dataset_digest: digest of the data set of the training.
        frozen_text: the frozen text encoder of the training, if it has one.
        cpu_seconds: CPU seconds of the steps, for a training with a CPU limit.
        exports: further files of weights by file name, for example `generator.pth`.

    Returns:
        `folder`.

    Raises:
        CheckpointError: a weight is not finite.
        StorageError: the folder cannot be written, or the disk is full. What was there before is still there.
    """
    from safetensors.torch import save

    _refuse_not_finite(weights, where=folder)
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        unfinished.mkdir(parents=True)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        # torch and safetensors hide the system's error behind their own, so both write to memory first.
        (unfinished / WEIGHTS_FILE).write_bytes(save(tensors))
        (unfinished / STATE_FILE).write_bytes(_saved_by_torch(state))
        for name, exported in (exports or {}).items():
            (unfinished / name).write_bytes(_saved_by_torch({key: value.cpu() for key, value in exported.items()}))
        info = CheckpointInfo(
            subject=subject,
            model=model,
            vocabulary=subject.vocabulary.words,
            step=step,
            cpu_seconds=cpu_seconds,
            dataset_digest=dataset_digest,
            frozen_text=frozen_text,
            weights_sha256=sha256_of(unfinished / WEIGHTS_FILE),
            state_sha256=sha256_of(unfinished / STATE_FILE),
        )
        (unfinished / INFO_FILE).write_text(info.model_dump_json(indent=2), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except OSError as error:
        raise StorageError(
            error.errno,
            f"Could not write the checkpoint {folder}: {error.strerror or error}. Free some space there and run again.",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def read_info(folder: Path) -> CheckpointInfo:
    """The description of a checkpoint. The weights are neither read nor verified.

    Raises:
        CheckpointError: there is no checkpoint in `folder`, or its description is damaged or from another program.
    """
    path = folder / INFO_FILE
    try:
        return CheckpointInfo.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{folder} holds no checkpoint: {path.name} cannot be read ({error.strerror}). "
            f"Name a folder that holds {INFO_FILE} and {WEIGHTS_FILE}."
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        raise CheckpointError(
            f"{path} is damaged, from another version of Flipbook, or from another program ({reason}). "
            "Copy the checkpoint again, or train it again."
        ) from error


def checkpoint_digest(folder: Path) -> str:
    """The identity of a checkpoint: sha256 (hex) of its weights, subject, model and vocabulary.

    Checkpoints with equal digests draw the same videos. Subject and model are hashed as the checkpoint itself describes
    them, so that a value that the configuration gains later changes no digest.

    Raises:
        CheckpointError: there is no checkpoint in `folder`, or its weights are not the ones that were saved.
    """
    return _read(folder)[1]


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint's weights, and verify them.

    Raises:
        CheckpointError: see `checkpoint_digest`. Also if the weights are no safetensors file or are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    info, digest, content = _read(folder)
    try:
        weights = load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{folder / WEIGHTS_FILE} is no readable safetensors file ({error}).") from error
    _refuse_not_finite(weights, where=folder)
    return Checkpoint(info, digest, weights)


def _read(folder: Path) -> tuple[CheckpointInfo, str, bytes]:
    """Description, digest and verified weights file of a checkpoint."""
    info, path = read_info(folder), folder / WEIGHTS_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}). Copy the checkpoint again, with all of its files."
        ) from error
    if hashlib.sha256(content).hexdigest() != info.weights_sha256:
        raise CheckpointError(
            f"{path} is damaged: its sha256 is not the one in {INFO_FILE}. Copy or train the checkpoint again."
        )
    described = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
    identity = json.dumps({key: described[key] for key in _DIGESTED}, sort_keys=True)
    return info, hashlib.sha256(identity.encode()).hexdigest(), content


def _refuse_not_finite(weights: Mapping[str, Tensor], *, where: Path) -> None:
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise CheckpointError(
                f"{where}: the weight {name} is not finite, so no video can be drawn. The training has diverged: train "
                "again with a lower train.learning_rate."
            )


def _saved_by_torch(values: dict[str, Any]) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()
