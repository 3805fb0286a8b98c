"""Batches: groups of real clips that share a prompt, drawn by a stateless function of seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.reading.sampler import EpochSampler


@dataclass(frozen=True)
class Batch:
    """N real clips. Clips with the same prompt stand together."""

    clips: Tensor
    """Places in the data set, int64 (N,)."""
    prompts: Tensor
    """Number of each clip's prompt, int64 (N,)."""


class PromptGroups:
    """The clips of each prompt, and how often each prompt was drawn."""

    def __init__(self, prompts: Sequence[str], *, known: Sequence[str], seed: int) -> None:
        """Group the clips by prompt.

        Args:
            prompts: the prompt of each clip of the data set, each of them in `known`.
            known: all P prompts; their order gives them their numbers.
            seed: decides in which order each prompt's clips are drawn.

        Raises:
            ValueError: a known prompt has no clip.
        """
        numbers = {prompt: number for number, prompt in enumerate(known)}
        which = np.array([numbers[prompt] for prompt in prompts], dtype=np.int64)
        self._clips = [np.flatnonzero(which == number) for number in range(len(known))]
        missing = [prompt for prompt, clips in zip(known, self._clips, strict=True) if not len(clips)]
        if missing:
            raise ValueError(
                f"No clip of the data set shows {missing[0]!r} ({len(missing)} of {len(known)} prompts are missing). "
                "Make a data set with more clips: set data.clips."
            )
        self._samplers = [EpochSampler(size=len(clips), seed=seed) for clips in self._clips]
        self.visits = torch.zeros(len(known), dtype=torch.int64)
        """(P,): how often each prompt was drawn. This is the only state."""

    def draw(self, weights: Tensor, *, prompts: int, clips: int, generator: torch.Generator) -> Batch:
        """Draw prompts in proportion to their weights (P,), and for each of them the next clips of its epoch.

        Returns:
            A batch of `prompts` times `clips` clips.
        """
        chosen = torch.multinomial(weights, prompts, replacement=True, generator=generator)
        places = []
        for number in chosen.tolist():
            visit = int(self.visits[number])
            places.append(torch.from_numpy(self._clips[number][self._samplers[number].batch(visit, clips)]))
            self.visits[number] += 1
        return Batch(clips=torch.cat(places), prompts=chosen.repeat_interleave(clips))


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one training step. They follow from seed and step, so no checkpoint stores them."""
    state = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(state)


def as_pictures(pixels: Tensor, device: torch.device) -> Tensor:
    """Pixels uint8 0 to 255 of any shape as float32 in [-1, 1], on `device`."""
    return pixels.to(device).float() / 127.5 - 1
