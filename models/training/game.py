"""What the training loop needs to know of a game between a generator and its discriminators."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from data.reading.dataset import ClipTensors
from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.networks.clip_generator import ClipGenerator


class Game(Protocol):
    """All networks and optimisers of a training.

    A step depends only on this state, on the seed and on the number of the step; under a CPU limit also on the CPU
    time so far. Without such a limit the training can stop after any step and go on from `state_dict`. It then ends
    with the same weights, bit for bit. On CPUs this holds on one machine with the same number of threads.
    """

    model: ModelConfig
    steps_done: int
    cpu_seconds: float
    """CPU seconds of the steps so far, summed over all threads. The training loop counts them."""

    @property
    def averaged(self) -> ClipGenerator:
        """The generator that samples and checkpoints are made with."""

    @property
    def clips_per_step(self) -> float:
        """Real clips that a step sees."""

    def step(self) -> dict[str, Tensor]:
        """Train the discriminators once and the generator once. Returns 0-d losses by name."""

    def exports(self) -> dict[str, dict[str, Tensor]]:
        """Further files of weights beside the final checkpoint: weights by name, by file name."""

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on: tensors, numbers and strings. Weights are below the key `modules`."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the result of `state_dict` of a game with the same configuration."""


def check_clips(clips: ClipTensors, world: WorldConfig) -> None:
    """Raise ValueError if clips have another size or length than the clips of `world`, or prompts that it lacks."""
    found = clips.manifest.world
    if (found.frames, found.frame_size) != (world.frames, world.frame_size):
        raise ValueError(
            f"The clips have {found.frames} frames of {found.frame_size} px, but the world's clips have {world.frames} "
            f"frames of {world.frame_size} px."
        )
    unknown = sorted(set(clips.prompts) - set(world.seen_prompts))
    if unknown:
        raise ValueError(f"The data set holds the prompt {unknown[0]!r}, which the world does not have.")
