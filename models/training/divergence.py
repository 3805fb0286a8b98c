"""When a training has diverged: its losses or weights are not finite, or far beyond what any healthy training reaches.

A diverged training does not recover, and going on from its checkpoint repeats it. So it stops with an error, and what
has diverged is never saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

LARGEST_LOSS = 1e6
"""Healthy losses that were seen stay below 1,000. A training that diverges passes 1e6 within a few steps, on its way to
1e17 and more."""

LARGEST_WEIGHT = 1e6
"""Adam moves a weight by about the learning rate per step, which is 1e-3 in all presets. So 10,000 steps move it by
about 10."""


class DivergedError(ValueError):
    """A training has diverged. Training again with the same configuration would diverge again."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(
            f"The training has diverged at step {step}: {reason}. The last good checkpoint is kept. Train again with a "
            "lower train.learning_rate or lower gradient penalties."
        )
        self.step = step


def check_losses(losses: Mapping[str, float], *, step: int) -> None:
    """Raise `DivergedError` if a loss is not finite, or larger than `LARGEST_LOSS`."""
    for name, value in losses.items():
        if not abs(value) <= LARGEST_LOSS:  # This comparison is false for NaN, too.
            raise DivergedError(step, f"the loss {name} is {value:.3g}")


def check_state(state: Mapping[str, Any], *, step: int) -> None:
    """Raise `DivergedError` if a training's state holds a number that is not finite, or a weight that is too large.

    Args:
        state: `Game.state_dict()`; its networks' weights are below the key `modules`.
        step: training steps done.
    """
    named = dict(_tensors(state))
    # One number per tensor, and one transfer from the GPU for all of them. NaN survives both `abs` and `max`.
    largest = torch.stack([tensor.detach().abs().max().double() for tensor in named.values()]).tolist()
    for name, value in zip(named, largest, strict=True):
        limit = LARGEST_WEIGHT if name.startswith("modules.") else torch.finfo(torch.float64).max
        if not value <= limit:
            raise DivergedError(step, f"a value in {name} is {value:.3g}")


def _tensors(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of real numbers in nested dictionaries, by the path of their keys."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _tensors(value, f"{name}.")
        elif isinstance(value, Tensor) and value.is_floating_point() and value.numel():
            yield name, value
