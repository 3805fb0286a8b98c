"""Which motions, shapes and colours come out right: scores of all prompts that ask for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data.worlds.world import WorldConfig
from evaluation.scoring.measures import Rate
from evaluation.scoring.metrics import ClipScores

Flags = NDArray[np.bool_]
Attribute = Literal["motion", "shape", "colour"]
ATTRIBUTES: tuple[Attribute, ...] = ("motion", "shape", "colour")


class AttributeScores(BaseModel):
    """The objects of a tier's clips whose prompts ask for one value of one attribute, whatever else they ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: str = Field(description="The tier's name.")
    attribute: Attribute = Field(description="What is looked at.")
    value: str = Field(description="What the prompts ask for, a motion's or shape's or colour's name.")
    joint: Rate = Field(description="Joint exact of their clips.")
    right: Rate = Field(description="Share of them of which this attribute is right, whatever else is wrong.")


def attribute_scores(tier: str, scores: Sequence[ClipScores], world: WorldConfig) -> tuple[AttributeScores, ...]:
    """Scores by motion, shape and colour; an attribute of which the tier has one value only is left out.

    Args:
        tier: the tier's name.
        scores: of its prompts' clips.
        world: says what the prompts mean.
    """
    found: list[AttributeScores] = []
    for attribute in ATTRIBUTES:
        groups: dict[str, list[tuple[Flags, Flags]]] = {}
        for part in scores:
            for prompt in dict.fromkeys(part.prompts):
                rows = np.array([one == prompt for one in part.prompts])
                for meaning, one in zip(world.scene_of(prompt), part.objects, strict=True):
                    looked_for = {"motion": meaning.motion, "shape": meaning.shape, "colour": world.colour_of(meaning)}
                    right = {"motion": one.motion_ok, "shape": one.shape_ok, "colour": one.colour_ok}
                    value = looked_for[attribute]
                    groups.setdefault(value, []).append((part.joint[rows], right[attribute][rows]))
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
