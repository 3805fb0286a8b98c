"""When is one model better than another? The rule by which a champion is replaced.

A candidate is better when its joint exact score on the held-out prompts is higher and its score on the seen prompts is
not lower by more than noise. Noise is judged by the 95 % interval of the difference of two proportions made of their
Wilson intervals (Newcombe, Statistics in Medicine 17 (1998), method 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.stats import binomtest


@dataclass(frozen=True)
class Proportion:
    """`hits` of `trials` clips that were right. Raises ValueError unless 0 <= hits <= trials and trials > 0."""

    hits: int
    trials: int

    def __post_init__(self) -> None:
        if not (0 <= self.hits <= self.trials and self.trials > 0):
            raise ValueError(f"{self.hits} of {self.trials} clips is no proportion")

    @property
    def value(self) -> float:
        """Share of hits, 0 to 1."""
        return self.hits / self.trials

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        found = binomtest(self.hits, self.trials).proportion_ci(confidence_level=0.95, method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} %"


@dataclass(frozen=True)
class Standing:
    """A model's joint exact scores, pooled over the clips of its seen (T0) and of its held-out prompts."""

    seen: Proportion
    held_out: Proportion


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate is better, and `why` in one sentence."""

    better: bool
    why: str


def difference_interval(a: Proportion, b: Proportion) -> tuple[float, float]:
    """95 % interval of ``a.value - b.value`` (Newcombe's method 10)."""
    (a_low, a_high), (b_low, b_high) = a.interval(), b.interval()
    difference = a.value - b.value
    down = sqrt((a.value - a_low) ** 2 + (b_high - b.value) ** 2)
    up = sqrt((a_high - a.value) ** 2 + (b.value - b_low) ** 2)
    return difference - down, difference + up


def compare(candidate: Standing, champion: Standing, *, champion_name: str) -> Verdict:
    """Judge `candidate` against `champion`, which `champion_name` names in the verdict's words."""
    if candidate.held_out.value <= champion.held_out.value:
        return Verdict(
            False,
            f"held-out joint exact {candidate.held_out} is not higher than the {champion.held_out} of {champion_name}",
        )
    _, highest = difference_interval(candidate.seen, champion.seen)
    if highest < 0:
        return Verdict(
            False,
            f"held-out joint exact {candidate.held_out} is higher than the {champion.held_out} of {champion_name}, "
            f"but on seen prompts (T0) {candidate.seen} is lower than its {champion.seen} by more than noise "
            f"(95 % interval of the difference ends at {100 * highest:.1f} points)",
        )
    return Verdict(
        True,
        f"held-out joint exact {candidate.held_out} is higher than the {champion.held_out} of {champion_name}, "
        f"and on seen prompts (T0) {candidate.seen} is not lower than its {champion.seen} by more than noise",
    )
