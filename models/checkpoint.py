"""Checkpoints: folders that are complete or not there, hold nothing that can execute, and prove their own integrity.

step-00001200/
    checkpoint.json          configs, vocabulary, step, digest of the data set, sha256 of the other files
    generator.safetensors    weights of the generator's moving average
    training.pt              everything that training goes on from; read with weights_only=True
    *.pth                    weights for other programs, where the network has such; read with weights_only=True
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from data.files import StorageError, sha256_of
from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.text.frozen import FrozenWeights, check_frozen_weights

INFO_FILE = "checkpoint.json"
WEIGHTS_FILE = "generator.safetensors"
STATE_FILE = "training.pt"
FINAL = "final"
_RETIRED = {"typical_size"}
_FORMER_DECODER = "convolutional"
_FORMER_WEIGHTS = ("decoder.seed.0.weight", "decoder.values.weight")  # of that decoder, in either of its forms
_LAYER_WEIGHT = "decoder.colour.weight"
_STATES = 2  # states to go on from: one, and another should it be damaged

logger = logging.getLogger("flipbook.checkpoint")


class CheckpointError(ValueError):
    """A folder holds no usable checkpoint; the message says why, and what to do."""


class CheckpointInfo(BaseModel):
    """What `checkpoint.json` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    world: WorldConfig
    model: ModelConfig
    vocabulary: tuple[str, ...]
    step: int = Field(ge=0, description="Training steps done.")
    cpu_seconds: float = Field(0.0, ge=0, description="CPU time of these steps, over all threads; 0 without a limit.")
    dataset_digest: str = Field(description="Digest of the data set that it was trained on.")
    frozen_text: FrozenWeights | None = Field(
        None, description="The frozen text encoder that it was trained with; its weights are not kept here."
    )
    weights_sha256: str
    state_sha256: str | None = None

    @field_validator("model", mode="before")
    @classmethod
    def _without_retired(cls, model: object) -> object:
        """As it is written today: checkpoints from before are not damaged, and most still load."""
        if not isinstance(model, dict):
            return model
        kept = {key: value for key, value in model.items() if key not in _RETIRED}
        if kept.get("decoder") == _FORMER_DECODER:
            kept["decoder"] = "sprite"
        if kept.get("things", 1) != 1:
            kept["decoder"] = "layers"  # several sprites of free colours are no more
        return kept


def save_checkpoint(
    folder: Path,
    *,
    weights: dict[str, Tensor],
    state: dict[str, Any],
    world: WorldConfig,
    model: ModelConfig,
    step: int,
    dataset_digest: str,
    frozen_text: FrozenWeights | None = None,
    cpu_seconds: float = 0.0,
    exports: Mapping[str, dict[str, Tensor]] | None = None,
) -> Path:
    """Write a checkpoint to `folder`, which appears when all of it is written. Returns `folder`.

    `exports` are further files of weights by name, as `generator.pth`; see the module's docstring for the rest.

    Raises:
        StorageError: the place cannot be written, or the disk is full; what was there before stays.
    """
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        unfinished.mkdir(parents=True)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        # Both libraries hide the system's error behind one of their own, so they write to memory.
        (unfinished / WEIGHTS_FILE).write_bytes(save(tensors))
        buffer = io.BytesIO()
        torch.save(state, buffer)
        (unfinished / STATE_FILE).write_bytes(buffer.getbuffer())
        for name, exported in (exports or {}).items():
            buffer = io.BytesIO()
            torch.save({key: tensor.detach().cpu() for key, tensor in exported.items()}, buffer)
            (unfinished / name).write_bytes(buffer.getbuffer())
        info = CheckpointInfo(
            world=world,
            model=model,
            vocabulary=world.vocabulary.words,
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
    """What a checkpoint says of itself.

    Raises:
        CheckpointError: there is no checkpoint in `folder`, or it is not one of this program's.
    """
    path = folder / INFO_FILE
    try:
        return CheckpointInfo.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{folder} holds no checkpoint: {path.name} cannot be read ({error.strerror}). "
            "Name a folder with checkpoint.json and generator.safetensors in it."
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        raise CheckpointError(
            f"{path} is damaged or from another program ({reason}). Train or copy it again."
        ) from error


def checkpoint_digest(folder: Path) -> str:
    """sha256 (hex) of weights, world and model: who shares it, generates the same videos.

    Of the model as the checkpoint itself describes it, so that a value that models get later changes no digest.

    Raises:
        CheckpointError: there is no checkpoint in `folder`, or its weights are not those that were saved.
    """
    info = _check_weights(folder)
    described = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))["model"]
    model = json.dumps(described, separators=(",", ":"), ensure_ascii=False)
    parts = (info.weights_sha256, info.world.fingerprint, model, " ".join(info.vocabulary))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load_weights(folder: Path) -> tuple[CheckpointInfo, dict[str, Tensor]]:
    """A checkpoint's description and its generator's weights.

    Raises:
        CheckpointError: see `checkpoint_digest`; or the weights are no safetensors file, or of a former decoder.
    """
    info = _check_weights(folder)
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder / WEIGHTS_FILE} is no readable safetensors file ({error}).") from error
    if any(name in weights for name in _FORMER_WEIGHTS):
        raise CheckpointError(f"{folder} has the former decoder {_FORMER_DECODER!r}, which is no more. Train it again.")
    if info.model.decoder == "layers" and _LAYER_WEIGHT not in weights:
        raise CheckpointError(f"{folder} has the former decoder of several sprites, which is no more. Train it again.")
    return info, weights


def newest_state(folder: Path, *, frozen_text: FrozenWeights | None = None) -> dict[str, Any] | None:
    """The training state of the newest intact checkpoint below `folder`; damaged ones are logged and passed over.

    Raises:
        FrozenWeightsError: its training had another frozen text encoder than `frozen_text`.
    """
    for checkpoint in sorted(folder.glob("step-*"), reverse=True):
        try:
            info, path = read_info(checkpoint), checkpoint / STATE_FILE
            if not path.is_file() or sha256_of(path) != info.state_sha256:
                raise CheckpointError(f"{path} is not the file that was saved.")
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except CheckpointError as error:
            logger.warning("Passing over a damaged checkpoint: %s", error)
            continue
        check_frozen_weights(info.frozen_text, frozen_text, where=str(checkpoint))
        return state
    return None


def remove_old(folder: Path, *, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints below `folder`, and what a killed run left half-written.

    Of those that stay, the two newest keep the training's state, by far the largest file; the others can only be
    looked at.
    """
    checkpoints = sorted(folder.glob("step-*"))
    for checkpoint in checkpoints[:-keep]:
        shutil.rmtree(checkpoint, ignore_errors=True)
    for checkpoint in checkpoints[-keep:-_STATES]:
        (checkpoint / STATE_FILE).unlink(missing_ok=True)
    for unfinished in folder.glob(".*.tmp"):
        shutil.rmtree(unfinished, ignore_errors=True)


def _check_weights(folder: Path) -> CheckpointInfo:
    info, path = read_info(folder), folder / WEIGHTS_FILE
    if not path.is_file():
        raise CheckpointError(f"{path} is missing. Copy the checkpoint again, with all of its files.")
    if sha256_of(path) != info.weights_sha256:
        raise CheckpointError(
            f"{path} is damaged: its sha256 is not the one in {INFO_FILE}. Copy or train the checkpoint again."
        )
    return info
