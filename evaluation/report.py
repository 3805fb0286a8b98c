"""All scores of one model: per tier, per prompt, and per motion, shape and colour."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from data.worlds.tiers import GROUPS
from evaluation.config import EvaluationConfig
from evaluation.scoring.attribute_scores import AttributeScores
from evaluation.scoring.diversity import Diversity
from evaluation.scoring.memorisation import Memorisation
from evaluation.scoring.rates import Rate
from evaluation.scoring.scores import Scores

LISTED_ALL, LISTED_WORST = 40, 20
"""Tables list all prompts of a group of tiers, or the `LISTED_WORST` worst ones of more than `LISTED_ALL`."""


class FrechetDistances(BaseModel):
    """Fréchet distances to one set of real clips. Lower is better. Compare them within one world only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: float = Field(description="Distance of the generated clips.")
    floor: float = Field(description="Distance of other real clips. A perfect model would reach it.")
    shuffled_frames: float = Field(
        description="Distance of the generated clips with their frames in random order. It must be larger."
    )
    n: int = Field(description="Number of clips on each side.")


class GroupScores(BaseModel):
    """The scores of one prompt, or of all prompts of one tier, beside their two bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="The prompt, or the tier's name.")
    prompts: tuple[str, ...] = Field(description="The prompts that were scored together.")
    generated: Scores = Field(description="The model's samples.")
    real: Scores = Field(description="Real clips of the same prompts: the upper bound.")
    shuffled: Scores = Field(description="The model's samples against other prompts: the lower bound.")
    diversity: Diversity = Field(
        description="Spread of the samples, divided by the spread of real clips. Mean over the prompts."
    )
    memorisation: Memorisation | None = Field(
        None, description="Distance from the training clips. Mean over the prompts. None if they are not known."
    )

    @property
    def joint(self) -> Rate:
        """The headline: joint exact of the generated clips."""
        return self.generated.joint


class EvaluationReport(BaseModel):
    """All scores of one model. Its JSON holds everything: reading it back gives an equal report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world_fingerprint: str = Field(description="Fingerprint of the world whose prompts were scored.")
    config: EvaluationConfig = Field(description="How many samples were scored, and their seed.")
    tiers: tuple[GroupScores, ...] = Field(description="Scores per tier. T0 holds the seen prompts.")
    prompts: tuple[GroupScores, ...] = Field(description="Scores per prompt, in the tiers' order.")
    attributes: tuple[AttributeScores, ...] = Field(
        description="Scores per motion, shape and colour that prompts ask for, tier by tier."
    )
    frechet: FrechetDistances | None = Field(
        description="In-domain Fréchet distances over the seen prompts. None if not asked for."
    )

    @property
    def example(self) -> str:
        """A prompt to try: the first held-out one, or else the first seen one."""
        return self.tiers[:2][-1].prompts[0]

    def tier(self, name: str) -> GroupScores:
        """The scores of a tier, "T0" for example. Raises KeyError with the tiers' names if there is no such tier."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise KeyError(f"no tier {name!r} in this report; it has {', '.join(tier.name for tier in self.tiers)}")

    def prompts_of(self, tier: str) -> tuple[GroupScores, ...]:
        """The scores of each prompt of a tier."""
        wanted = set(self.tier(tier).prompts)
        return tuple(prompt for prompt in self.prompts if prompt.name in wanted)

    def worst(self, tier: str) -> GroupScores:
        """The prompt of a tier with the lowest joint exact score."""
        return min(self.prompts_of(tier), key=lambda prompt: prompt.joint.value)

    def tier_of(self, prompt: str) -> str:
        """The name of the tier to which a prompt belongs. Raises StopIteration if no tier of this report has it."""
        return next(tier.name for tier in self.tiers if prompt in tier.prompts)

    def tiers_of(self, group: str) -> tuple[GroupScores, ...]:
        """The scores of each tier of a group: "seen", "validation" or "test"."""
        return tuple(tier for tier in self.tiers if tier.name in GROUPS[group])

    def listed(self, group: str) -> tuple[GroupScores, ...]:
        """The prompts of a group of tiers that tables list: all of them, or the worst ones if they are many."""
        prompts = tuple(prompt for tier in self.tiers_of(group) for prompt in self.prompts_of(tier.name))
        if len(prompts) <= LISTED_ALL:
            return prompts
        return tuple(sorted(prompts, key=lambda prompt: prompt.joint.value)[:LISTED_WORST])
