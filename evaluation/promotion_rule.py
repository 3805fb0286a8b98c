"""The rule that decides which version becomes the champion.

The score is joint exact where a world has an exact metric, and retrieval on imported clips. Where there are validation
prompts, "held-out" means these, and the test prompts do not count. Elsewhere it means all prompts that training does
not show.

The first champion is the first version whose score on held-out prompts is certainly above chance. For joint exact,
chance is 0, so one right clip is enough. After that, a candidate replaces the champion if all of this holds:

* Both were scored in the same world, or on the same data set.
* The candidate's score on held-out prompts is higher.
* Its score on seen prompts is not lower by more than noise. It is lower by more than noise if the whole 95 % interval
  of the difference lies below 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from data.worlds.tiers import CHOOSING_TIERS, SEEN_TIER
from evaluation.any_report import AnyReport
from evaluation.captioned.report import SEEN_SPLIT, VALIDATION_SPLIT, CaptionedReport
from evaluation.scoring.rates import Rate, difference_interval


class HeadlineScores(BaseModel):
    """A model's scores, which the rule compares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: Literal["joint exact", "retrieval"] = Field(
        "joint exact", description="The share of clips that are right, or of clips whose caption a matcher finds."
    )
    scored_on: str = Field(
        "", description="Fingerprint of the world, or digest of the data set. Empty if it was not recorded."
    )
    measured_by: str = Field(
        "", description="sha256 (hex) of the settings that retrieval depends on. Empty for joint exact."
    )
    seen: Rate = Field(description="Over the clips of all seen prompts.")
    held_out: Rate | None = Field(
        description="Over the clips of all validation prompts, except those of V4w. If there are none, over the clips "
        "of all held-out prompts, whatever their tier. None if nothing is held out."
    )
    held_out_are: Literal["held-out", "validation"] = Field(
        "held-out", description="What `held_out` was scored on: all held-out prompts, or validation prompts alone."
    )

    chance: float = Field(0.0, ge=0, le=1, description="What a model reaches on `held_out` that ignores its prompts.")

    @classmethod
    def of(cls, report: AnyReport) -> HeadlineScores:
        """The headline scores of a report. Raises KeyError if the report has no seen prompts."""
        if isinstance(report, CaptionedReport):
            return cls._of_captions(report)
        validation = [tier.joint for tier in report.tiers if tier.name in CHOOSING_TIERS]
        held_out = validation or [tier.joint for tier in report.tiers if tier.name != SEEN_TIER]
        return cls(
            scored_on=report.world_fingerprint,
            seen=report.tier(SEEN_TIER).joint,
            held_out=Rate.pooled(held_out) if held_out else None,
            held_out_are="validation" if validation else "held-out",
        )

    @classmethod
    def _of_captions(cls, report: CaptionedReport) -> HeadlineScores:
        held_out = [split for split in report.splits if split.name != SEEN_SPLIT]
        validation = [split for split in held_out if split.name == VALIDATION_SPLIT]
        chosen = [split.retrieval for split in validation or held_out]
        return cls(
            measure="retrieval",
            scored_on=report.dataset,
            measured_by=report.config.measure,
            seen=report.split(SEEN_SPLIT).retrieval.generated.rate,
            held_out=chosen[0].generated.rate if chosen else None,
            held_out_are="validation" if validation else "held-out",
            chance=chosen[0].chance if chosen else 0.0,
        )

    @property
    def seen_are(self) -> str:
        """What `seen` was scored on, in words."""
        return "seen prompts (T0)" if self.measure == "joint exact" else "seen captions"

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
        return PromotionVerdict(False, "no prompts were held out of its training, and a champion is chosen by these")
    held_out = f"{candidate.held_out_are} {candidate.measure} {candidate.held_out.percent}"
    if champion is None:
        if candidate.held_out.low <= candidate.chance:
            why = f"it draws no {candidate.held_out_are} prompt right"
            if candidate.chance:
                why = f"that is not above chance, {100 * candidate.chance:.1f} %, by more than noise"
            return PromotionVerdict(False, f"{held_out}: {why}")
        return PromotionVerdict(True, f"the first champion, with {held_out}")
    if candidate.scored_on != champion.scored_on:
        return PromotionVerdict(
            False,
            f"{champion_name} was scored on another world or data set, and such scores cannot be compared; to choose "
            "all the same: `flipbook promote REF --even-if-not-better`, or the deployment `promote`",
        )
    if candidate.measured_by != champion.measured_by:
        return PromotionVerdict(
            False,
            f"{champion_name} was scored with other settings of evaluation.captioned; evaluate both with the same ones",
        )
    if champion.held_out is None:
        return PromotionVerdict(False, f"{champion_name} has no scores on held-out prompts to compare with")
    theirs = f"the {champion.held_out.percent} of {champion_name}"
    if candidate.held_out.value <= champion.held_out.value:
        return PromotionVerdict(False, f"{held_out} is not higher than {theirs}")
    lead = f"{held_out} is higher than {theirs}"
    seen = f"on {candidate.seen_are} {candidate.seen.percent} is"
    _, highest = difference_interval(candidate.seen, champion.seen)
    if highest < 0:
        return PromotionVerdict(
            False,
            f"{lead}, but {seen} lower than its {champion.seen.percent} by more than noise "
            f"(the 95 % interval of the difference ends at {100 * highest:.1f} points)",
        )
    return PromotionVerdict(True, f"{lead}, and {seen} not lower than its {champion.seen.percent} by more than noise")
