"""When is one model better than another? The rule by which a champion is replaced.

Only scores of one world compare. A candidate is better when its joint exact score on the held-out prompts is higher and
its score on the seen prompts is not lower by more than noise. Noise is judged by the 95 % interval of the difference of
two proportions made of their Wilson intervals (Newcombe, Statistics in Medicine 17 (1998), method 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from pydantic import BaseModel, ConfigDict, Field

from evaluation.report.report import SEEN_TIER, EvaluationReport
from evaluation.scoring.measures import Rate


class Standing(BaseModel):
    """A model's joint exact scores that the rule compares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: str = Field("", description="Fingerprint of the world whose prompts were scored; empty: not recorded.")
    seen: Rate = Field(description="Over the clips of all seen prompts (T0).")
    held_out: Rate | None = Field(
        description="Over the clips of all held-out prompts, whatever their tier; None in a world that holds none out."
    )

    def is_as_sure_as(self, other: Standing) -> bool:
        """Whether it is of at least as many clips as `other`: of seen prompts and of held-out ones."""
        return all(mine >= theirs for mine, theirs in zip(self.clips, other.clips, strict=True))

    @property
    def clips(self) -> tuple[int, int]:
        """How many clips of seen prompts, and of held-out ones."""
        return self.seen.n, 0 if self.held_out is None else self.held_out.n


NOTHING_HELD_OUT = "its world holds no prompts out, and a champion is chosen by held-out prompts"


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate is better, and `why` in one sentence."""

    better: bool
    why: str


def standing_of(report: EvaluationReport) -> Standing:
    """The joint exact scores that the rule compares: T0, and all held-out tiers' clips together.

    Raises:
        KeyError: the report has no T0.
    """
    seen = report.tier(SEEN_TIER).joint
    held_out = [tier.joint for tier in report.tiers if tier.name != SEEN_TIER]
    if not held_out:
        return Standing(world=report.world_fingerprint, seen=seen, held_out=None)
    hits = sum(round(rate.value * rate.n) for rate in held_out)
    together = Rate.of_counts(hits, sum(rate.n for rate in held_out))
    return Standing(world=report.world_fingerprint, seen=seen, held_out=together)


def difference_interval(a: Rate, b: Rate) -> tuple[float, float]:
    """95 % interval of ``a.value - b.value`` (Newcombe's method 10)."""
    difference = a.value - b.value
    return (
        difference - hypot(a.value - a.low, b.high - b.value),
        difference + hypot(a.high - a.value, b.value - b.low),
    )


def compare(candidate: Standing, champion: Standing, *, champion_name: str) -> Verdict:
    """Judge `candidate` against `champion`, which `champion_name` names in the verdict's words."""
    if candidate.held_out is None:
        return Verdict(False, NOTHING_HELD_OUT)
    if candidate.world != champion.world:
        return Verdict(
            False,
            f"{champion_name} was scored in another world, and scores of two worlds do not compare; the deployment "
            "`promote` with even_if_not_better chooses between worlds",
        )
    if champion.held_out is None:
        return Verdict(False, f"{champion_name} has no scores on held-out prompts to compare with")
    held_out = f"held-out joint exact {_percent(candidate.held_out)}"
    theirs = f"the {_percent(champion.held_out)} of {champion_name}"
    if candidate.held_out.value <= champion.held_out.value:
        return Verdict(False, f"{held_out} is not higher than {theirs}")
    lead = f"{held_out} is higher than {theirs}"
    seen = f"on seen prompts (T0) {_percent(candidate.seen)} is"
    _, highest = difference_interval(candidate.seen, champion.seen)
    if highest < 0:
        return Verdict(
            False,
            f"{lead}, but {seen} lower than its {_percent(champion.seen)} by more than noise "
            f"(95 % interval of the difference ends at {100 * highest:.1f} points)",
        )
    return Verdict(True, f"{lead}, and {seen} not lower than its {_percent(champion.seen)} by more than noise")


def _percent(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} %"
