"""Colours and the pixel grid, which all decoders share."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from data.clip_format import ClipFormat
from models.networks.bounded import bounded

DEEPEST = 2.65
"""Bound of a colour before tanh. Beyond it tanh is so flat that a colour could not come back."""

WHITE = 2.0
"""Colour before tanh that pictures begin near."""


def colours(values: Tensor) -> Tensor:
    """Values of any size and shape to colours in [-1, 1], both ends included."""
    return torch.tanh(bounded(values, DEEPEST)) / math.tanh(DEEPEST)


def side(clip: ClipFormat) -> int:
    """The side of a square frame in px.

    Raises:
        ValueError: the frames are not square.
    """
    if clip.height != clip.width:
        raise ValueError(
            f"this decoder draws square frames, and the clips have {clip}: set model.decoder to conv, which draws any"
        )
    return clip.width


def middles(count: int) -> Tensor:
    """The middles (count,) of `count` equal parts of the line from -1 to 1."""
    return (torch.arange(count) + 0.5) * (2 / count) - 1


def of_phase(places: Tensor, phase: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
    """Rows and columns (H,), (W,) of the pixel grid `places` (S,): every second one from `phase` on, or all."""
    return (places, places) if phase is None else (places[phase[0] :: 2], places[phase[1] :: 2])
