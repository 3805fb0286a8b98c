"""What the training loop needs to know of a game between a generator and its discriminators."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from data.reading.dataset import ClipTensors
from data.subject import Subject
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


def check_clips(clips: ClipTensors, subject: Subject) -> None:
    """Make sure that clips are of the format of `subject`, and for a world that they show its seen prompts.

    Raises:
        ValueError: they do not.
    """
    if clips.manifest.clip != subject.format:
        raise ValueError(f"The clips have {clips.manifest.clip}, but the model is to draw {subject.format}.")
    if not isinstance(subject, WorldConfig):
        return
    shown = set(clips.prompts)
    unknown = sorted(shown - set(subject.seen_prompts))
    if unknown:
        raise ValueError(f"The data set holds the prompt {unknown[0]!r}, which the world does not have.")
    missing = [prompt for prompt in subject.seen_prompts if prompt not in shown]
    if missing:
        raise ValueError(
            f"No clip of the data set shows {missing[0]!r} ({len(missing)} of {len(subject.seen_prompts)} prompts are "
            "missing). Make a data set with more clips: set data.clips."
        )
