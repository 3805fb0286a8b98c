"""The trainings of the ablation: from the tutorial's network to ours, one repair at a time."""

from dataclasses import dataclass
from typing import get_args

from data.worlds.world import WorldConfig
from flows.config.pipeline import PipelineConfig
from flows.config.presets import tutorial
from models.config import ModelConfig, Repair, TrainConfig

OURS = "ours, the full recipe"
_CHECKPOINTS = 12  # per training, enough for a curve


class VariantError(ValueError):
    """The repairs cannot lead to the requested recipe. The message says why."""


@dataclass(frozen=True)
class Variant:
    """One training of the ablation. Its name says what it adds to the variant before it."""

    name: str
    world: WorldConfig
    model: ModelConfig
    train: TrainConfig


def variants(recipe: PipelineConfig, *, cpu_minutes: float, seed: int) -> tuple[Variant, ...]:
    """All variants, in the order of the repairs. Each ends after the same CPU time on one thread, never by its steps.

    Args:
        recipe: the world, networks and training to which the repairs lead.
        cpu_minutes: CPU time of each training, in minutes.
        seed: seed of each training.

    Raises:
        VariantError: the recipe's world has shapes or colours for which the tutorial's network has no words.
    """
    published = tutorial()
    for name in ("shapes", "colours"):
        ours, theirs = getattr(recipe.world, name), getattr(published.world, name)
        if ours != theirs:
            raise VariantError(
                f"The tutorial's network only knows the {name} {', '.join(theirs)}, not {', '.join(ours)}."
            )
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
