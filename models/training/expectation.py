"""How fast a training will be on this machine, and how much memory it needs: measured before it begins."""

from __future__ import annotations

import copy
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from models.training.game import Game

TRIED_STEPS = 3
"""The first one is slower than the others, so it is not counted."""


@dataclass(frozen=True)
class Expectation:
    """What a training will take."""

    step_seconds: float
    """Seconds per step."""
    seconds: float
    """Seconds of all steps that are left."""
    memory_bytes: int
    """The most memory that the process has used, clips and networks included. On a GPU: of the GPU's memory."""

    def __str__(self) -> str:
        """In words: "about 47 min, 0.70 s per step, 1.9 GB of memory"."""
        minutes = f"{self.seconds / 60:.0f} min" if self.seconds >= 90 else f"{self.seconds:.0f} s"
        return f"about {minutes}, {self.step_seconds:.2f} s per step, {self.memory_bytes / 1e9:.1f} GB of memory"


def expectation(game: Game, step: Callable[[], object], *, left: int, device: torch.device) -> Expectation:
    """Try some steps, and undo them: the game is as it was before, bit for bit.

    Args:
        game: the training.
        step: takes one step of it.
        left: how many steps are left.
        device: where it runs.
    """
    before = copy.deepcopy(game.state_dict())
    times = []
    for _ in range(TRIED_STEPS):
        begun = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - begun)
    game.load_state_dict(before)
    step_seconds = sum(times[1:]) / len(times[1:])
    return Expectation(step_seconds, step_seconds * left, _most_memory(device))


def _most_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
