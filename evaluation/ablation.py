"""An ablation: trainings that differ in one part each, with their scores, their table and their plot."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from data.worlds.world import WorldConfig
from evaluation.evaluate import Sampler
from evaluation.scoring.clip_scores import FAULTS, score_clips
from evaluation.scoring.rates import Rate
from evaluation.scoring.scores import Scores

PARTS = tuple(part for part in FAULTS if part != "turn")
"""The parts of joint exact that the table shows. A circle cannot be turned."""


class CurvePoint(BaseModel):
    """Joint exact of the seen prompts at one moment of a training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_minutes: float = Field(description="CPU time of the training's steps so far.")
    step: int = Field(description="Training steps so far.")
    joint: Rate = Field(description="Joint exact over the seen prompts (T0).")


class Curve(BaseModel):
    """Joint exact against CPU time. The last point is the end of the training."""

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
    parts: dict[str, Rate] = Field(description="Each part of joint exact of the seen prompts (T0) at the end.")


class Ablation(BaseModel):
    """All trainings: the published system, our recipe, and our recipe with one part left out each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_minutes: float = Field(description="CPU time of every training.")
    results: tuple[VariantResult, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """The name of each variant."""
        return tuple(dict.fromkeys(result.name for result in self.results))

    def of(self, variant: str) -> tuple[VariantResult, ...]:
        """The trainings of a variant, one per seed."""
        return tuple(result for result in self.results if result.name == variant)

    @property
    def seeds(self) -> int:
        """The number of trainings per variant."""
        return len({result.seed for result in self.results})


def parts_of(scores: Scores) -> dict[str, Rate]:
    """The parts of joint exact. A network may draw the right shape long before it moves the shape as prompted."""
    return {name: getattr(scores, name) for name in PARTS}


def joint_of_seen_prompts(sampler: Sampler, *, world: WorldConfig, samples: int, seed: int) -> Rate:
    """Joint exact of `samples` clips per seen prompt. It is quicker than a whole evaluation."""
    prompts = [prompt for prompt in world.seen_prompts for _ in range(samples)]
    return Rate.of(score_clips(sampler(prompts, seed), prompts, world).joint)


def evenly_spaced(times: Sequence[float], *, points: int) -> list[int]:
    """Indices of up to `points` of the ascending `times`, evenly spread from 0 to the last time, which is included."""
    wanted = [times[-1] * (number + 1) / points for number in range(points)]
    nearest = [min(range(len(times)), key=lambda place: abs(times[place] - want)) for want in wanted]
    return sorted({*nearest, len(times) - 1})


def ablation_table(ablation: Ablation) -> str:
    """A Markdown table with one row per variant, over all seeds: joint exact per tier, its parts, and the steps."""
    tiers = tuple(ablation.results[0].tiers)
    head = ["the network", *(f"joint exact, {tier}" for tier in tiers), *(f"{part}, T0" for part in PARTS), "steps"]
    rows = []
    for variant in ablation.variants:
        results = ablation.of(variant)
        joint = [Rate.pooled([result.tiers[tier] for result in results]) for tier in tiers]
        parts = [Rate.pooled([result.parts[part] for result in results]) for part in PARTS]
        steps = [result.curve.points[-1].step for result in results]
        cells = [f"{rate.percent} ({100 * rate.low:.1f} to {100 * rate.high:.1f})" for rate in joint]
        rows.append([variant, *cells, *(rate.percent for rate in parts), f"{round(sum(steps) / len(steps)):,}"])
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    trainings = "One training" if ablation.seeds == 1 else f"{ablation.seeds} trainings with different seeds"
    note = (
        f"{trainings} per variant, {ablation.cpu_minutes:g} CPU minutes each on one thread. All are scored "
        "on the same prompts of the varied world, by its laws, the published network too. In brackets: Wilson 95 % "
        "intervals."
    )
    return "\n".join([*lines, "", note])


def ablation_plot(ablation: Ablation) -> bytes:
    """PNG of 1200 x 675 px: joint exact of the seen prompts in per cent against CPU minutes, one line per training."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.5), dpi=150, layout="constrained")
    axes = figure.subplots()
    shades = colormaps["viridis_r"]
    variants = ablation.variants
    for number, variant in enumerate(variants):
        for again, result in enumerate(ablation.of(variant)):
            points = result.curve.points
            axes.plot(
                [0, *(point.cpu_minutes for point in points)],
                [0, *(100 * point.joint.value for point in points)],
                color=shades(number / max(len(variants) - 1, 1)),
                marker="o",
                markersize=3,
                label=None if again else variant,
            )
    axes.set(xlabel="CPU minutes of training", ylabel="joint exact of the seen prompts, %", ylim=(-2, 102))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small", frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
