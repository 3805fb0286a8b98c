"""The rule that decides which version becomes the champion.

In worlds with validation prompts, "held-out" means these, and the test prompts do not count. In other worlds it means
all prompts that training does not show.

The first champion is the first version that draws at least one held-out clip right. After that, a candidate replaces
the champion if all of this holds:

* Both were scored in the same world.
* The candidate's joint exact score on held-out prompts is higher.
* Its joint exact score on seen prompts is not lower by more than noise. It is lower by more than noise if the whole
  95 % interval of the difference lies below 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from data.worlds.tiers import SEEN_TIER, VALIDATION_TIERS
from evaluation.report import EvaluationReport
from evaluation.scoring.rates import Rate, difference_interval


class HeadlineScores(BaseModel):
    """A model's joint exact scores, which the rule compares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: str = Field("", description="Fingerprint of the world whose prompts were scored. Empty if not recorded.")
    seen: Rate = Field(description="Over the clips of all seen prompts (T0).")
    held_out: Rate | None = Field(
        description="Over the clips of all validation prompts. If there are none, over the clips of all held-out "
        "prompts, whatever their tier. None if the world holds none out."
    )
    held_out_are: Literal["held-out", "validation"] = Field(
        "held-out", description="What `held_out` was scored on: all held-out prompts, or validation prompts alone."
    )

    @classmethod
    def of(cls, report: EvaluationReport) -> HeadlineScores:
        """The headline scores of a report. Raises KeyError if the report has no tier T0."""
        validation = [tier.joint for tier in report.tiers if tier.name in VALIDATION_TIERS]
        held_out = validation or [tier.joint for tier in report.tiers if tier.name != SEEN_TIER]
        return cls(
            world=report.world_fingerprint,
            seen=report.tier(SEEN_TIER).joint,
            held_out=Rate.pooled(held_out) if held_out else None,
            held_out_are="validation" if validation else "held-out",
        )

    def has_as_many_clips_as(self, other: HeadlineScores) -> bool:
        """Whether it has at least as many clips as `other`, both of seen and of held-out prompts."""
        return all(mine >= theirs for mine, theirs in zip(self.clips, other.clips, strict=True))

    @property
    def clips(self) -> tuple[int, int]:
        """The number of clips of seen prompts, and of held-out prompts."""
        return self.seen.n, 0 if self.held_out is None else self.held_out.n


@dataclass(frozen=True)
class PromotionVerdict:
    """Whether the candidate becomes the champion, and `why` in one sentence."""

    better: bool
    why: str


def judge_candidate(
    candidate: HeadlineScores, champion: HeadlineScores | None, *, champion_name: str = "the champion"
) -> PromotionVerdict:
    """Apply the rule to `candidate`.

    Args:
        candidate: scores of the version that may become the champion.
        champion: scores of the present champion, or None if there is no champion.
        champion_name: what to call the champion in the verdict's sentence.
    """
    if candidate.held_out is None:
        return PromotionVerdict(False, "its world holds no prompts out, and a champion is chosen by held-out prompts")
    held_out = f"{candidate.held_out_are} joint exact {candidate.held_out.percent}"
    if champion is None:
        if candidate.held_out.value == 0:
            return PromotionVerdict(False, f"{held_out}: it draws no {candidate.held_out_are} prompt right")
        return PromotionVerdict(True, f"the first champion, with {held_out}")
    if candidate.world != champion.world:
        return PromotionVerdict(
            False,
            f"{champion_name} was scored in another world, and scores of two worlds cannot be compared; to choose "
            "between worlds, run the deployment `promote` with even_if_not_better",
        )
    if champion.held_out is None:
        return PromotionVerdict(False, f"{champion_name} has no scores on held-out prompts to compare with")
    theirs = f"the {champion.held_out.percent} of {champion_name}"
    if candidate.held_out.value <= champion.held_out.value:
        return PromotionVerdict(False, f"{held_out} is not higher than {theirs}")
    lead = f"{held_out} is higher than {theirs}"
    seen = f"on seen prompts (T0) {candidate.seen.percent} is"
    _, highest = difference_interval(candidate.seen, champion.seen)
    if highest < 0:
        return PromotionVerdict(
            False,
            f"{lead}, but {seen} lower than its {champion.seen.percent} by more than noise "
            f"(the 95 % interval of the difference ends at {100 * highest:.1f} points)",
        )
    return PromotionVerdict(True, f"{lead}, and {seen} not lower than its {champion.seen.percent} by more than noise")
