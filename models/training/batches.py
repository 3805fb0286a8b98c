"""Batches: groups of real clips that share a prompt, drawn by a stateless function of seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from data.reading.sampler import EpochSampler


@dataclass(frozen=True)
class Batch:
    """N real clips in groups. The clips of a group share a prompt if `groups` says so."""

    clips: Tensor
    """Numbers of the clips, int64 (N,)."""
    captions: Tensor
    """Number of one of each clip's captions, int64 (N,)."""
    prompts: Tensor
    """Number of each clip's prompt, which is its first caption, int64 (N,)."""
    groups: Tensor
    """Number of each group's prompt, int64 (number of groups,). The number after the last prompt: a mixed group."""


class PromptGroups:
    """Which clips share a prompt, and how often each prompt was drawn.

    A clip's first caption is its prompt. All clips of a group have the same prompt where at least a group's number of
    clips has it. The clips of rarer prompts form mixed groups, so that no clip comes twice in a group: that would teach
    the generator to repeat itself. Each clip of a batch comes with one of its captions, drawn at random.

    Time and memory grow with the number of captions, whether they are all equal or all different.
    """

    def __init__(self, captions: pa.ListArray[Any], *, known: Sequence[str] = (), group: int, seed: int) -> None:
        """Group the clips by prompt.

        Args:
            captions: one or more captions for each of N clips.
            known: prompts that get the first numbers, in this order, whether a clip has them or not.
            group: clips in a group.
            seed: decides in which order each prompt's clips are drawn.

        Raises:
            ValueError: there are fewer clips than a group needs, or a clip has no caption.
        """
        count = len(captions)
        if count < group:
            raise ValueError(f"The data set has {count} clips, fewer than the {group} that a group of a batch needs.")
        texts = pa.chunked_array([pa.array(known, pa.string()), captions.flatten().cast(pa.string())])
        encoded = texts.combine_chunks().dictionary_encode()
        self.texts: pa.Array[Any] = encoded.dictionary
        """All different captions, `string`. Their places here are the captions' numbers."""
        codes = encoded.indices.to_numpy()[len(known) :]
        bounds = captions.offsets.to_numpy() - captions.offsets[0].as_py()
        if (np.diff(bounds) == 0).any():
            raise ValueError("A clip of the data set has no caption.")
        self._codes, self._bounds = codes, bounds
        self._many = len(codes) > count
        prompts = codes[bounds[:-1]]  # (N,)
        counts = np.bincount(prompts, minlength=len(self.texts))
        numbers = np.cumsum(counts >= group) - 1  # of the prompts that enough clips have
        enough = counts[prompts] >= group  # (N,)
        self.prompts = torch.from_numpy(np.flatnonzero(counts >= group))
        """(P,): the caption's number of each prompt that fills groups of its own."""
        clips = np.flatnonzero(enough)
        self._clips = clips[np.argsort(numbers[prompts[clips]], kind="stable")]
        self._starts = np.concatenate([[0], np.cumsum(counts[self.prompts.numpy()])])
        self._others = np.flatnonzero(~enough)
        if 0 < len(self._others) < group:  # too few for a group of their own
            self._others = np.concatenate([self._others, clips])
        self._mixed_share = (~enough).mean()
        self._seed = seed
        self.visits = torch.zeros(len(self.prompts) + 1, dtype=torch.int64)
        """(P + 1,): how often each prompt was drawn, and how often a mixed group. This is the only state."""

    def draw(self, weights: Tensor, *, prompts: int, clips: int, generator: torch.Generator) -> Batch:
        """Draw groups, and for each of them the next clips of its epoch.

        A group is mixed as often as clips of rare prompts occur. The other groups' prompts are drawn in proportion to
        their weights (P,).

        Returns:
            A batch of `prompts` groups of `clips` clips.
        """
        mixed = torch.zeros(prompts, dtype=torch.bool)
        if self._mixed_share:
            mixed = torch.rand(prompts, generator=generator) < self._mixed_share
        chosen = torch.full((prompts,), len(self.prompts))
        if not mixed.all():
            drawn = torch.multinomial(weights, prompts, replacement=True, generator=generator)
            chosen = torch.where(mixed, chosen, drawn)
        places = np.concatenate([self._next(number, clips) for number in chosen.tolist()])
        first, after = self._bounds[places], self._bounds[places + 1]
        prompts_of = torch.from_numpy(self._codes[first].astype(np.int64))
        if self._many:
            part = torch.rand(len(places), dtype=torch.float64, generator=generator).numpy()
            first = first + (part * (after - first)).astype(np.int64)
        captions = torch.from_numpy(self._codes[first].astype(np.int64))
        return Batch(clips=torch.from_numpy(places), captions=captions, prompts=prompts_of, groups=chosen)

    def readings(self) -> tuple[Tensor, Tensor, Tensor]:
        """Which captions mean which prompts, each pair once.

        Returns:
            The captions' numbers int64 (K,), the numbers of the prompts of clips that have them int64 (K,), and how
            many clips' captions each pair stands for, float32 (K,).
        """
        prompts = np.repeat(self._codes[self._bounds[:-1]], np.diff(self._bounds))
        pairs, counts = np.unique(np.stack([self._codes, prompts]), axis=1, return_counts=True)
        captions, meant = torch.from_numpy(pairs.astype(np.int64))
        return captions, meant, torch.from_numpy(counts).float()

    def _next(self, number: int, count: int) -> Any:
        """The next clips of a prompt's epoch, or of the mixed groups' epoch: int64 (count,)."""
        is_prompt = number < len(self.prompts)
        clips = self._clips[self._starts[number] : self._starts[number + 1]] if is_prompt else self._others
        visit = int(self.visits[number])
        self.visits[number] += 1
        epoch, turn = divmod(visit, len(clips) // count)  # the few that are left over come in other epochs
        sampler = EpochSampler(size=len(clips), seed=self._seed)
        return clips[sampler.permute(epoch, np.arange(turn * count, (turn + 1) * count))]


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one training step. They follow from seed and step, so no checkpoint stores them."""
    state = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(state)


def as_pictures(pixels: Tensor, device: torch.device, *, negative: bool = False) -> Tensor:
    """Pixels uint8 0 to 255 of any shape, or their negative, as float32 in [-1, 1], on `device`."""
    pictures = pixels.to(device).float() / 127.5 - 1
    return -pictures if negative else pictures
