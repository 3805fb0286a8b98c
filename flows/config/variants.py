"""The variants of the ablation: from the tutorial's network to ours, one repair at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from data.worlds.world import WorldConfig
from flows.config.pipeline import PipelineConfig
from flows.config.presets import tutorial
from models.config import ModelConfig, Repair, TrainConfig

OURS = "ours, the full recipe"
_CHECKPOINTS = 12  # about as many in a training, for its curve


class VariantError(ValueError):
    """The repairs cannot lead to a recipe; the message says why."""


@dataclass(frozen=True)
class Variant:
    """A training of the ablation; `name` says what it has more than the one before it."""

    name: str
    world: WorldConfig
    model: ModelConfig
    train: TrainConfig


def variants(recipe: PipelineConfig, *, cpu_minutes: float, seed: int) -> tuple[Variant, ...]:
    """All variants in the order of the repairs, each with the same CPU time on one thread.

    The number of steps ends none of them: what learns faster a minute is what is asked.

    Args:
        recipe: where the repairs lead: the varied world, our networks and how they are trained.
        cpu_minutes: of each training.
        seed: of each training.

    Raises:
        VariantError: the recipe's world has other shapes or colours than the tutorial's, which knows no words for them.
    """
    published = tutorial()
    for name in ("shapes", "colours"):
        ours, theirs = getattr(recipe.world, name), getattr(published.world, name)
        if ours != theirs:
            raise VariantError(f"The tutorial's network knows {name} {', '.join(theirs)} only, not {', '.join(ours)}.")
    size = {"frame_size": recipe.world.frame_size, "frames": recipe.world.frames}
    budget = {
        "steps": 10_000_000,
        "cpu_minutes": cpu_minutes,
        "threads": 1,
        "device": "cpu",
        "seed": seed,
        "checkpoint_seconds": 60 * cpu_minutes / _CHECKPOINTS,
        "keep": 100,
    }
    train = published.train.model_copy(update=budget)
    steps = [
        Variant("as published", published.world.model_copy(update=size), published.model, train),
        Variant("+ varied world", recipe.world, published.model, train),
    ]
    repairs: tuple[Repair, ...] = ()
    for repair in get_args(Repair):
        repairs = (*repairs, repair)
        model = ModelConfig(network="tutorial", repairs=repairs)
        steps.append(Variant(f"+ {repair.replace('_', ' ')}", recipe.world, model, train))
    return (*steps, Variant(OURS, recipe.world, recipe.model, recipe.train.model_copy(update=budget)))
