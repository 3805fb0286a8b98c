"""The moving average of a generator's weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...] | list[Tensor]


def warmed_up_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential moving average for `torch.optim.swa_utils.AveragedModel`, as its `multi_avg_fn`.

    The decay begins small and grows to `decay`, so that the random first weights are soon forgotten.
    """

    def update(averages: Tensors, values: Tensors, updates: Tensor | int) -> None:
        done = int(updates)
        torch._foreach_lerp_(averages, values, 1 - min(decay, (1 + done) / (10 + done)))

    return update
