"""Batches: groups of real clips of one prompt, drawn by a stateless function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.reading.sampler import EpochSampler


@dataclass(frozen=True)
class Batch:
    """indices int64 (N,) of clips and prompt int64 (N,) of each; clips of one prompt stand in groups."""

    indices: Tensor
    prompts: Tensor


class PromptGroups:
    """Which clips show which prompt, and how often each prompt was drawn: `visits` int64 (P,), the only state."""

    def __init__(self, prompts: Sequence[str], *, known: Sequence[str], seed: int) -> None:
        """Sort the data set's `prompts` (one a clip, each of them known) under the `known` ones.

        Raises:
            ValueError: a known prompt has no clip.
        """
        numbers = {prompt: number for number, prompt in enumerate(known)}
        which = np.array([numbers[prompt] for prompt in prompts], dtype=np.int64)
        self.clips = [np.flatnonzero(which == number) for number in range(len(known))]
        missing = [prompt for prompt, clips in zip(known, self.clips, strict=True) if not len(clips)]
        if missing:
            raise ValueError(
                f"No clip of the data set shows {missing[0]!r} ({len(missing)} of {len(known)} prompts are missing). "
                "Generate more clips."
            )
        self.samplers = [EpochSampler(size=len(clips), seed=seed) for clips in self.clips]
        self.visits = torch.zeros(len(known), dtype=torch.int64)

    def draw(self, weights: Tensor, *, prompts: int, clips: int, generator: torch.Generator) -> Batch:
        """`prompts` prompts, drawn in proportion to `weights` (P,), with the next `clips` clips of each one's epoch."""
        chosen = torch.multinomial(weights, prompts, replacement=True, generator=generator)
        indices = []
        for number in chosen.tolist():
            visit = int(self.visits[number])
            indices.append(torch.from_numpy(self.clips[number][self.samplers[number].batch(visit, clips)]))
            self.visits[number] += 1
        return Batch(indices=torch.cat(indices), prompts=chosen.repeat_interleave(clips))


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one training step; nothing of them needs to be kept in a checkpoint."""
    state = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(state)


def as_pictures(planes: Tensor, device: torch.device) -> Tensor:
    """uint8 0 to 255 to float32 in [-1, 1] on `device`, any shape."""
    return planes.to(device).float() / 127.5 - 1
