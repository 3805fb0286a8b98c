"""The sampler shows every clip once per epoch, and a step number is all that it needs to resume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.reading.sampler import EpochSampler


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 10**6))
def test_an_epoch_shows_every_clip_once(size: int, seed: int, epoch: int) -> None:
    order = EpochSampler(size=size, seed=seed).permute(epoch, np.arange(size))
    np.testing.assert_array_equal(np.sort(order), np.arange(size))


@given(size=st.integers(1, 500), batch_size=st.integers(1, 70), step=st.integers(0, 50))
def test_a_batch_is_a_window_of_the_epochs_laid_end_to_end(size: int, batch_size: int, step: int) -> None:
    sampler = EpochSampler(size=size, seed=1)
    epochs = range((step + 1) * batch_size // size + 1)
    everything = np.concatenate([sampler.permute(epoch, np.arange(size)) for epoch in epochs])
    batch = EpochSampler(size=size, seed=1).batch(step, batch_size)
    assert batch.dtype == np.int64
    np.testing.assert_array_equal(batch, everything[step * batch_size : (step + 1) * batch_size])


def test_each_epoch_and_each_seed_has_its_own_order() -> None:
    positions = np.arange(1000)
    orders = [EpochSampler(size=1000, seed=seed).permute(epoch, positions) for seed in (0, 1) for epoch in (0, 1)]
    for number, one in enumerate(orders):
        for other in [*orders[number + 1 :], positions]:
            assert np.mean(one == other) < 0.02


def test_every_clip_is_equally_likely_at_every_position() -> None:
    firsts = np.concatenate([EpochSampler(size=12, seed=seed).batch(0, 3) for seed in range(2000)])
    counts = np.bincount(firsts, minlength=12)
    assert np.sum((counts - 500) ** 2 / 500) < 40  # chi-square with 11 degrees of freedom: p < 0.0001


def test_a_sampler_without_clips_or_a_step_before_the_first_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one clip"):
        EpochSampler(size=0, seed=0)
    with pytest.raises(ValueError, match="step must be 0 or more"):
        EpochSampler(size=5, seed=0).batch(-1, 4)
