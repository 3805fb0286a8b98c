"""What every adversarial game does with its optimisers."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, autograd
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
    # Not `autograd.grad`: behind a channels-last picture it returns a convolution's gradient in another order of memory
    # than the weight's. Fused Adam walks both as they lie, so each number would move by the gradient of another one.
    autograd.backward(loss, inputs=parameters)
    if not allow_unused and any(parameter.grad is None for parameter in parameters):
        raise RuntimeError("The loss does not depend on all parameters of this optimiser.")
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
