"""What each repair is worth: trainings that differ in one thing, measured along the way and at their end."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from data.worlds.world import WorldConfig
from evaluation.report.report import Sampler
from evaluation.scoring.measures import Measures, Rate
from evaluation.scoring.metrics import FAULTS, score_clips

PARTS = tuple(part for part in FAULTS if part != "count")  # which of one object follows from permanence


class CurvePoint(BaseModel):
    """Joint exact of the seen prompts in the middle of a training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_minutes: float = Field(description="CPU time of the training's steps so far.")
    step: int = Field(description="Training steps done.")
    joint: Rate = Field(description="Joint exact over the seen prompts (T0).")


class Curve(BaseModel):
    """Joint exact against CPU time, the end included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: tuple[CurvePoint, ...]


class VariantResult(BaseModel):
    """One training of a variant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="The variant's name.")
    seed: int = Field(description="Seed of the training.")
    run_id: str | None = Field(description="MLflow run of the training.")
    curve: Curve
    tiers: dict[str, Rate] = Field(description="Joint exact of each tier at the end, on fresh samples.")
    parts: dict[str, Rate] = Field(
        description="Of the seen prompts (T0) at the end: what is right of a clip by itself."
    )


class Ablation(BaseModel):
    """All trainings, in the order of the repairs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_minutes: float = Field(description="CPU time that every training had.")
    results: tuple[VariantResult, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants' names, each once."""
        return tuple(dict.fromkeys(result.name for result in self.results))

    def of(self, variant: str) -> tuple[VariantResult, ...]:
        """The trainings of a variant, one a seed."""
        return tuple(result for result in self.results if result.name == variant)

    @property
    def seeds(self) -> int:
        """Trainings of each variant."""
        return len({result.seed for result in self.results})


def parts_of(measures: Measures) -> dict[str, Rate]:
    """What joint exact is made of, each by itself: a network may draw the right shape long before it moves it right."""
    return {name: getattr(measures, name) for name in PARTS}


def joint_of_seen_prompts(sampler: Sampler, *, world: WorldConfig, samples: int, seed: int) -> Rate:
    """Joint exact of `samples` clips of each seen prompt: a part of what `evaluation.report` measures."""
    names = [prompt for prompt in world.seen_prompts for _ in range(samples)]
    return Rate.of(score_clips(sampler(names, seed), names, world).joint)


def evenly_spaced(times: Sequence[float], *, points: int) -> list[int]:
    """The places of up to `points` of the ascending `times`, spread evenly from 0 to the last, which is one of them."""
    wanted = [times[-1] * (number + 1) / points for number in range(points)]
    nearest = [min(range(len(times)), key=lambda place: abs(times[place] - want)) for want in wanted]
    return sorted({*nearest, len(times) - 1})


def ablation_table(ablation: Ablation) -> str:
    """A row a variant as Markdown, over all seeds: joint exact of each tier with its interval, its parts, the steps."""
    tiers = tuple(ablation.results[0].tiers)
    head = ["the network", *(f"joint exact, {tier}" for tier in tiers), *(f"{part}, T0" for part in PARTS), "steps"]
    rows = []
    for variant in ablation.variants:
        results = ablation.of(variant)
        rates = [_together([result.tiers[tier] for result in results]) for tier in tiers]
        steps = [result.curve.points[-1].step for result in results]
        cells = [f"{100 * r.value:.1f} % ({100 * r.low:.1f} to {100 * r.high:.1f})" for r in rates]
        parts = [_together([result.parts[part] for result in results]) for part in PARTS]
        cells += [f"{100 * rate.value:.1f} %" for rate in parts]
        rows.append([variant, *cells, f"{round(sum(steps) / len(steps)):,}"])
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join([*lines, "", _note(ablation)])


def _note(ablation: Ablation) -> str:
    trainings = "One training" if ablation.seeds == 1 else f"{ablation.seeds} trainings, with different seeds,"
    return (
        f"{trainings} of each variant, {ablation.cpu_minutes:g} CPU minutes on one thread; what comes later "
        "in the list has all repairs above it. All variants, the published one too, are asked for the same prompts of "
        "the varied world, and measured by its laws. In brackets: Wilson's 95 % interval."
    )


def _together(rates: Sequence[Rate]) -> Rate:
    return Rate.of_counts(sum(round(rate.value * rate.n) for rate in rates), sum(rate.n for rate in rates))
