"""What a model is scored on: the prompts of a world, by its exact metric, or the clips of a data set, without one."""

from __future__ import annotations

from data.home import Home
from data.worlds.world import WorldConfig
from tasks.dataset import Dataset, stored_dataset
from tracking.model_reference import ResolvedModel

Yardstick = WorldConfig | Dataset


class NoClipsError(ValueError):
    """A model of imported clips cannot be scored, because this home does not hold them. The message says what to do."""


def own_yardstick(home: Home, model: ResolvedModel) -> Yardstick:
    """The world that a model has learned, or else the clips.

    Raises:
        NoClipsError: it has learned imported clips, and `home` does not hold them.
    """
    from models.checkpoint import read_info

    info = read_info(model.checkpoint)
    if isinstance(info.subject, WorldConfig):
        return info.subject
    found = stored_dataset(home, info.dataset_digest)
    if found is None:
        raise NoClipsError(
            f"{model.ref} has learned imported clips, and its scores compare with them, but this home does not hold "
            f"the data set {info.dataset_digest[:16]} whole. Name the folder of `flipbook import --out` with "
            "--dataset, or import the same clips again with the same options and the same version of Flipbook."
        )
    return found


def learned_from(model: ResolvedModel) -> str:
    """Fingerprint of the world, or digest of the data set, that a model has learned."""
    from models.checkpoint import read_info

    info = read_info(model.checkpoint)
    return info.subject.fingerprint if isinstance(info.subject, WorldConfig) else info.dataset_digest
