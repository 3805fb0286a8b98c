"""The exact metric for clips from anywhere: how many do what their prompt says, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data.worlds.world import WorldConfig
from evaluation.scoring.clip_scores import FAULTS, ClipScores, score_clips
from evaluation.scoring.rates import Rate

CLIPS_AT_ONCE = 200  # bounds the memory


class AttributeRates(BaseModel):
    """How many of some clips are right, as a whole and by attribute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(description="Number of clips.")
    joint_exact: float = Field(description="Share of the clips in which every attribute is right, 0 to 1.")
    joint_exact_low: float = Field(description="Lower end of its Wilson 95 % interval.")
    joint_exact_high: float = Field(description="Upper end of its Wilson 95 % interval.")
    attributes: dict[str, float] = Field(description="Share of the clips in which this attribute is right, 0 to 1.")

    @classmethod
    def of(cls, parts: Sequence[ClipScores]) -> AttributeRates:
        """The rates over all clips of `parts`."""

        def rate(name: str) -> Rate:
            return Rate.of(np.concatenate([getattr(part, name) for part in parts]))

        joint = rate("joint")
        return cls(
            n=joint.n,
            joint_exact=joint.value,
            joint_exact_low=joint.low,
            joint_exact_high=joint.high,
            attributes={name: rate(f"{name}_ok").value for name in FAULTS},
        )


class ClipReport(BaseModel):
    """The scores of clips, overall and per prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world_fingerprint: str = Field(description="Fingerprint of the world whose laws the clips should follow.")
    overall: AttributeRates
    prompts: dict[str, AttributeRates] = Field(description="By prompt, in the order of their first clips.")


def score_files(clips: Sequence[tuple[NDArray[np.uint8], Sequence[str]]], world: WorldConfig) -> ClipReport:
    """Score clips by the exact metric of `world`.

    Args:
        clips: frames, uint8 (N, T, S, S, 3), and N prompts, for each of several sources.
        world: the world whose laws the clips should follow.

    Raises:
        PromptError: a prompt cannot be read. ValueError: a prompt asks for a shape that the world does not have.
    """
    rows: dict[str, list[NDArray[np.uint8]]] = {}
    for frames, prompts in clips:
        for clip, prompt in zip(frames, prompts, strict=True):
            rows.setdefault(prompt, []).append(clip)
    scores = {
        prompt: [
            score_clips(np.stack(some), [prompt] * len(some), world)
            for some in (found[first : first + CLIPS_AT_ONCE] for first in range(0, len(found), CLIPS_AT_ONCE))
        ]
        for prompt, found in rows.items()
    }
    return ClipReport(
        world_fingerprint=world.fingerprint,
        overall=AttributeRates.of([part for parts in scores.values() for part in parts]),
        prompts={prompt: AttributeRates.of(parts) for prompt, parts in scores.items()},
    )
