"""Time as a sum of waves, for both networks: paths are made of slow waves, and what shakes is made of fast ones."""

from __future__ import annotations

import torch
from torch import Tensor


def cosines(frames: int) -> Tensor:
    """Orthonormal cosine transform (T, T) from the amplitudes of T waves to T frames. Wave 0 is constant in time."""
    time, wave = torch.arange(frames).unsqueeze(1) + 0.5, torch.arange(frames)
    basis: Tensor = torch.cos(torch.pi * time * wave / frames)
    basis[:, 1:] *= 2**0.5
    return basis.mul(frames**-0.5)


def slow_waves(frames: int) -> Tensor:
    """From amplitudes to frames (T, T): a wave's mean square over time is 1 / (1 + k / 10)^2 for wave k."""
    return torch.as_tensor(frames**0.5 * cosines(frames) / (1 + torch.arange(frames) / 10))


def fast_waves(frames: int, *, gain: float) -> Tensor:
    """From frames to amplitudes (T, T), in which wave k is 1 + `gain` * k times as large as the transform makes it."""
    return (cosines(frames) * (1 + gain * torch.arange(frames))).T.contiguous()
