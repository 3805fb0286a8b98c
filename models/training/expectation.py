"""How fast a training will be on this machine, and how much memory it needs: measured before it begins."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from models.training.game import Game


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


def expectation(
    game: Game, step: Callable[[], object], *, left: int, period: int, cpu_seconds: float, device: torch.device
) -> Expectation:
    """Try `1 + period` steps, and undo them: the game is as it was before, bit for bit.

    The first one is slower than the others, so it is not counted.

    Args:
        game: the training.
        step: takes one step of it.
        left: how many steps are left.
        period: so many consecutive steps have each kind of work as often as the whole training.
        cpu_seconds: CPU seconds that are left. 0: there is no limit.
        device: where it runs.
    """
    before = copy.deepcopy(game.state_dict())
    step()
    begun, cpu_begun = time.perf_counter(), time.process_time()
    for _ in range(period):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds, cpu = ((time.perf_counter() - begun) / period, (time.process_time() - cpu_begun) / period)
    game.load_state_dict(before)
    steps = min(left, cpu_seconds / max(cpu, 1e-9)) if cpu_seconds else left
    return Expectation(seconds, seconds * steps, _most_memory(device))


def _most_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
