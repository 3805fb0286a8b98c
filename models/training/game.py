"""What the training loop needs of an adversarial game, whichever networks play it."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from data.reading.dataset import ClipTensors
from data.worlds.world import WorldConfig
from models.config import ModelConfig


class Game(Protocol):
    """Networks and optimisers in the middle of a training.

    A step depends on this state and on (seed, step) alone, and under a CPU limit on the CPU time so far: without one,
    training may stop after any step and go on from `state_dict` to the same weights, bit for bit (on CPUs: same
    machine, same number of threads).
    """

    model: ModelConfig
    steps_done: int
    cpu_seconds: float
    """CPU time of the steps so far, of all threads; the loop keeps count."""

    @property
    def averaged(self) -> nn.Module:
        """The generator to draw samples with, and to keep."""

    @property
    def clips_per_step(self) -> float:
        """Real clips that a step sees."""

    def step(self) -> dict[str, Tensor]:
        """One round for each side. Returns 0-d losses."""

    def exports(self) -> dict[str, dict[str, Tensor]]:
        """Weights that lie beside the final checkpoint for other programs: file name, then name and tensor."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on; tensors, numbers and strings only."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned for equal configs."""


def check_clips(clips: ClipTensors, world: WorldConfig) -> None:
    """Raise ValueError where clips have another size or length than those of `world`, or a prompt that it has not."""
    found, shape = clips.manifest.world, (world.frames, world.frame_size)
    if (found.frames, found.frame_size) != shape:
        raise ValueError(
            f"The clips have {found.frames} frames of {found.frame_size} px, the world's clips {world.frames} of "
            f"{world.frame_size} px."
        )
    strange = sorted(set(clips.prompts) - set(world.seen_prompts))
    if strange:
        raise ValueError(f"The data set holds the prompt {strange[0]!r}, which is not one of the world's.")
