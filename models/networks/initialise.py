"""The random weights that layers begin with."""

from __future__ import annotations

from torch import nn


def initialise(module: nn.Module) -> None:
    """Set the weights of all linear and convolutional layers for leaky ReLUs of slope 0.2, and their biases to 0.

    He et al., "Delving Deep into Rectifiers" (2015).
    """
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, a=0.2)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
