"""The scores of many clips together: rates, means, and what is wrong with the clips that fail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.scoring.clip_scores import FAULTS, ClipScores
from evaluation.scoring.rates import Rate


class FaultCounts(BaseModel):
    """The number of failed clips by their only fault. Clips with more than one fault are counted as `several`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    motion: int = Field(ge=0, description="The path is not that of the prompted motion.")
    shape: int = Field(ge=0, description="The shape is not the prompted one, or it is distorted.")
    turn: int = Field(ge=0, description="The shape is turned.")
    size: int = Field(ge=0, description="The size does not follow its law.")
    colour: int = Field(ge=0, description="The colour is not the prompted one.")
    edge: int = Field(ge=0, description="The edge is blurred, or the object is transparent.")
    background: int = Field(ge=0, description="The background is not white.")
    count: int = Field(ge=0, description="An object is missing, or there is something else in the picture.")
    permanence: int = Field(ge=0, description="The object is missing in a frame.")
    several: int = Field(ge=0, description="More than one of these faults.")

    @classmethod
    def of(cls, parts: Sequence[ClipScores]) -> FaultCounts:
        """Counts the faults of all clips of `parts`."""
        wrong = np.concatenate([np.stack(list(part.faults.values())) for part in parts], axis=1)  # (faults, N)
        faults_per_clip = wrong.sum(axis=0)
        alone = (wrong & (faults_per_clip == 1)).sum(axis=1)
        return cls(**dict(zip(FAULTS, alone.tolist(), strict=True)), several=int((faults_per_clip > 1).sum()))

    @property
    def clips(self) -> int:
        """The number of clips that fail."""
        return sum(count for _, count in self)

    def __str__(self) -> str:
        """The faults that occur, the most frequent first, as in "motion 5, several 2"."""
        return ", ".join(f"{name} {count}" for name, count in sorted(self, key=lambda item: -item[1]) if count)


class Scores(BaseModel):
    """The scores of some clips against their prompts. A mean is None if no clip has a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    joint: Rate = Field(description="Joint exact: everything below is right. The headline.")
    motion: Rate = Field(description="Clips that show the prompted motion.")
    shape: Rate = Field(description="Clips that show the prompted shape.")
    turn: Rate = Field(description="Clips in which the shape is turned as the law says.")
    size: Rate = Field(description="Clips in which the size follows its law in all frames.")
    colour: Rate = Field(description="Clips that show the prompted colour in all frames.")
    edge: Rate = Field(description="Clips with a sharp edge.")
    background: Rate = Field(description="Clips with a white background in all frames.")
    count: Rate = Field(description="Clips that show every prompted object, and nothing else in any frame.")
    permanence: Rate = Field(description="Clips that show the objects in all frames in which their paths are visible.")
    faults: FaultCounts = Field(description="What is wrong with the clips that fail.")
    shape_iou: float = Field(description="Mean overlap (IoU) with the ideal prompted shape, 0 to 1.")
    rmse: float | None = Field(description="Mean distance from the best path of the prompted motion, px RMSE.")
    cosine: float | None = Field(description="Mean cosine between the seen steps and the steps of that path, -1 to 1.")
    smoothness: float | None = Field(
        description="Mean second difference of the centroid, px. Right is the value of real clips."
    )

    @classmethod
    def of(cls, parts: Sequence[ClipScores]) -> Scores:
        """The scores of all clips of `parts` together."""

        def pooled(name: str) -> NDArray[np.float64]:
            return np.concatenate([getattr(part, name) for part in parts])

        def rate(name: str) -> Rate:
            return Rate.of(pooled(name).astype(np.bool_))

        return cls(
            joint=rate("joint"),
            **{name: rate(f"{name}_ok") for name in FAULTS},
            faults=FaultCounts.of(parts),
            shape_iou=float(pooled("shape_iou").mean()),
            rmse=finite_mean(pooled("rmse")),
            cosine=finite_mean(pooled("cosine")),
            smoothness=finite_mean(pooled("smoothness")),
        )


def finite_mean(values: Sequence[float | None] | NDArray[np.float64]) -> float | None:
    """The mean of the finite values, or None if there are none."""
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    numbers = numbers[np.isfinite(numbers)]
    return float(numbers.mean()) if len(numbers) else None
