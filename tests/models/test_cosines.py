"""The transform from frames to waves over time, and what the networks make of it."""

from __future__ import annotations

import torch

from models.networks.cosines import cosines, fast_waves, slow_waves


def test_the_transform_is_orthonormal_and_wave_0_is_constant() -> None:
    basis = cosines(10)
    torch.testing.assert_close(basis.T @ basis, torch.eye(10), rtol=0, atol=1e-5)
    torch.testing.assert_close(basis[:, 0], torch.full((10,), 10**-0.5))


def test_slow_waves_are_larger_in_the_generator() -> None:
    size = slow_waves(10).square().mean(dim=0).sqrt()
    torch.testing.assert_close(size, 1 / (1 + torch.arange(10) / 10))


def test_the_discriminator_sees_the_shaking_of_a_path_as_large_as_the_path() -> None:
    time = torch.arange(10.0) - 4.5
    straight, shaking = 4 * time, torch.tensor([0.5, -0.5] * 5)
    before = shaking.norm() / straight.norm()
    waves = fast_waves(10, gain=1.0)
    after = (waves @ shaking).norm() / (waves @ straight).norm()
    assert after > 4 * before
    torch.testing.assert_close(fast_waves(10, gain=0.0) @ cosines(10), torch.eye(10), rtol=0, atol=1e-5)
