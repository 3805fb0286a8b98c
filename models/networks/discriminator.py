"""What both discriminators have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from models.networks.verdict import Judgement


class Discriminator(nn.Module):
    """Judges clips or frames together with their text, in two parts: what it sees can be judged with several texts."""

    def forward(self, views: Tensor, text: Tensor, labels: Tensor) -> Judgement:
        """Judge views of N clips in [-1, 1], given text features (N, F) and labels (N, L) of their prompts."""
        return self.judge(self.see(views), text, labels)

    @abstractmethod
    def see(self, views: Tensor) -> Any:
        """All of the views that does not depend on their prompts."""

    @abstractmethod
    def judge(self, seen: Any, text: Tensor, labels: Tensor) -> Judgement:
        """Judge what `see` has returned, with text features (N, F) and labels (N, L)."""
