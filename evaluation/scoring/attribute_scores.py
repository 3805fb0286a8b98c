"""Scores by motion, shape and colour: over all prompts that ask for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data.worlds.world import WorldConfig
from evaluation.scoring.clip_scores import ClipScores
from evaluation.scoring.rates import Rate

Flags = NDArray[np.bool_]
Attribute = Literal["motion", "shape", "colour"]
ATTRIBUTES: tuple[Attribute, ...] = ("motion", "shape", "colour")


class AttributeScores(BaseModel):
    """The scores of all objects of a tier whose prompts ask for one value of one attribute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: str = Field(description="The tier's name.")
    attribute: Attribute = Field(description="The attribute.")
    value: str = Field(description="The value that the prompts ask for: the name of a motion, shape or colour.")
    joint: Rate = Field(description="Joint exact of the objects' clips.")
    right: Rate = Field(description="Share of the objects in which this attribute is right.")


def attribute_scores(tier: str, parts: Sequence[ClipScores], world: WorldConfig) -> tuple[AttributeScores, ...]:
    """Scores by motion, shape and colour. An attribute with a single value in the tier is left out.

    Args:
        tier: the tier's name.
        parts: scores of the tier's clips.
        world: defines what the prompts mean.
    """
    found: list[AttributeScores] = []
    for attribute in ATTRIBUTES:
        groups: dict[str, list[tuple[Flags, Flags]]] = {}
        for part in parts:
            for prompt in dict.fromkeys(part.prompts):
                rows = np.array([other == prompt for other in part.prompts])
                for meaning, scores in zip(world.scene_of(prompt), part.objects, strict=True):
                    asked = {"motion": meaning.motion, "shape": meaning.shape, "colour": world.colour_of(meaning)}
                    right = {"motion": scores.motion_ok, "shape": scores.shape_ok, "colour": scores.colour_ok}
                    groups.setdefault(asked[attribute], []).append((part.joint[rows], right[attribute][rows]))
        if len(groups) > 1:
            found += [
                AttributeScores(
                    tier=tier,
                    attribute=attribute,
                    value=value,
                    joint=Rate.of(np.concatenate([joint for joint, _ in groups[value]])),
                    right=Rate.of(np.concatenate([right for _, right in groups[value]])),
                )
                for value in sorted(groups)
            ]
    return tuple(found)
