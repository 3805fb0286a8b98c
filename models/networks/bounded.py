"""A clamp whose gradient leads back inside."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def bounded(inputs: Tensor, limit: float) -> Tensor:
    """`inputs` of any shape, clamped to [-limit, limit]. Outside, the gradient passes if descent leads back inside.

    An ordinary clamp has no gradient outside its range, so a value that once left it would never come back. This is
    the projected gradient of optimisation within bounds: Bertsekas, "On the Goldstein-Levitin-Polyak Gradient
    Projection Method" (1976).
    """
    return cast(Tensor, _Bounded.apply(inputs, limit))


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, limit: float) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.limit = limit
        return inputs.clamp(-limit, limit)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (inputs,) = ctx.saved_tensors
        outwards = ((inputs > ctx.limit) & (gradient < 0)) | ((inputs < -ctx.limit) & (gradient > 0))
        return gradient.masked_fill(outwards, 0), None
