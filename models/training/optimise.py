"""Steps of an optimiser."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, autograd
from torch.optim import Optimizer


def set_rate(optimisers: Iterable[Optimizer], rate: float) -> None:
    """Set the learning rate of each optimiser."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def descend(optimiser: Optimizer, loss: Tensor, *, allow_unused: bool = False) -> None:
    """One step of `optimiser` down the gradient of `loss`. No other parameter gets a gradient.

    Raises:
        RuntimeError: the loss does not depend on one of the parameters, and `allow_unused` is false.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    # `autograd.grad` would be wrong here. After a channels-last picture it returns a convolution's gradient in another
    # memory order than the weight. Fused Adam reads both in memory order, so it would mix up the gradients.
    autograd.backward(loss, inputs=parameters)
    if not allow_unused and any(parameter.grad is None for parameter in parameters):
        raise RuntimeError("The loss does not depend on all parameters of this optimiser.")
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
