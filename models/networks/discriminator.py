"""What both discriminators have in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from models.networks.verdict import Judgement


class Discriminator(nn.Module):
    """Judges clips or frames together with their text.

    It works in two parts, so that what it has seen once can be judged with several texts.
    """

    def forward(self, views: Tensor, text: Tensor, labels: Tensor) -> Judgement:
        """Judge N clips or frames in [-1, 1], given text features (N, F) and labels (N, L) of their prompts."""
        return self.judge(self.see(views), text, labels)

    def see(self, views: Tensor) -> Any:
        """What N clips or frames show, whatever their prompts."""
        raise NotImplementedError

    def judge(self, seen: Any, text: Tensor, labels: Tensor) -> Judgement:
        """Judge what `see` has returned, given text features (N, F) and labels (N, L) of the prompts."""
        raise NotImplementedError
