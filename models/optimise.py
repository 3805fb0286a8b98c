"""What every adversarial game does with its optimisers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer


def set_rate(optimisers: Iterable[Optimizer], rate: float) -> None:
    """Let the next step of each of them have this learning rate."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def descend(optimiser: Optimizer, loss: Tensor, *, allow_unused: bool = False) -> None:
    """One step down the gradient of `loss`, of the optimiser's own parameters alone: no other one gets a gradient.

    Raises:
        RuntimeError: the loss does not depend on a parameter, and that is not allowed.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=allow_unused)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
