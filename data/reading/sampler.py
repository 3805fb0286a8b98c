"""The order of clips in training: one permutation per epoch, which is computed and never stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class EpochSampler:
    """Every clip once per epoch, in an order that depends only on seed, epoch and position.

    The step number is therefore the sampler's whole state, and a training can resume in the middle of an epoch, bit for
    bit. The order is a Feistel network over the smallest even number of bits that holds `size`. It is applied to a
    number again until the result is below `size` (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
    """

    size: int
    seed: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"There must be at least one clip to draw from, not {self.size}.")

    def batch(self, step: int, batch_size: int) -> NDArray[np.int64]:
        """Return the clips of step `step` (from 0): int64 (batch_size,). A batch can reach into the next epoch."""
        if step < 0 or batch_size < 1:
            raise ValueError(f"step must be 0 or more and batch_size 1 or more, not {step} and {batch_size}.")
        positions = np.arange(step * batch_size, (step + 1) * batch_size, dtype=np.int64)
        epochs, positions = positions // self.size, positions % self.size
        indices = np.empty_like(positions)
        for epoch in np.unique(epochs).tolist():
            indices[epochs == epoch] = self.permute(epoch, positions[epochs == epoch])
        return indices

    def permute(self, epoch: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the clips at `positions` of `epoch`, each in [0, size). Over all positions, every clip comes once."""
        half = max(1, ((self.size - 1).bit_length() + 1) // 2)
        keys = np.random.SeedSequence([self.seed, epoch]).generate_state(_ROUNDS, np.uint64).tolist()
        values = positions.astype(np.uint64)
        outside = np.ones(len(values), dtype=bool)
        while outside.any():
            values[outside] = _feistel(values[outside], half=half, keys=keys)
            outside = values >= self.size
        return values.astype(np.int64)


def _feistel(values: NDArray[np.uint64], *, half: int, keys: list[int]) -> NDArray[np.uint64]:
    low = np.uint64((1 << half) - 1)
    left, right = values >> np.uint64(half), values & low
    for key in keys:
        left, right = right, left ^ (_mix(right + np.uint64(key & (_MASK >> 1))) & low)
    return (left << np.uint64(half)) | right


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits with the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
