"""The trainings of the ablation: the tutorial's network, our recipe, and our recipe with one part left out each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import ValidationError

from data.worlds.world import WorldConfig
from flows.config.pipeline import PipelineConfig
from flows.config.presets import tutorial
from models.config import ModelConfig, Part, TrainConfig

PUBLISHED, OURS = "as published", "ours"
_CHECKPOINTS = 12  # per training, enough for a curve


class VariantError(ValueError):
    """The recipe cannot be compared with the published network. The message says why."""


@dataclass(frozen=True)
class Variant:
    """One training of the ablation. Its name says what it leaves out of our recipe."""

    name: str
    world: WorldConfig
    model: ModelConfig
    train: TrainConfig


def variants(recipe: PipelineConfig, *, cpu_minutes: float, seed: int) -> tuple[Variant, ...]:
    """All variants. Each ends after the same CPU time on one thread, never by its steps.

    Args:
        recipe: our world, networks and training.
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
    world, train = published.world.model_copy(update=size), published.train.model_copy(update=budget)
    whole = Variant(OURS, recipe.world, recipe.model, recipe.train.model_copy(update=budget))
    return (Variant(PUBLISHED, world, published.model, train), whole, *_lesser(whole))


def _lesser(whole: Variant) -> Iterator[Variant]:
    """`whole` without one of its parts each."""

    def without(name: str, *, model: dict[str, Any] | None = None, train: dict[str, Any] | None = None) -> Variant:
        try:
            return replace(
                whole,
                name=f"without {name}",
                model=ModelConfig.model_validate(whole.model.model_dump() | (model or {})),
                train=TrainConfig.model_validate(whole.train.model_dump() | (train or {})),
            )
        except ValidationError as error:
            raise VariantError(
                f"Our recipe cannot do without its {name}: {error.errors()[0]['msg']}. Change the recipe."
            ) from error

    parts = [part for part in get_args(Part) if part not in whole.model.without]
    for part in parts:
        yield without(part.replace("_", " "), model={"without": (*whole.model.without, part)})
    if whole.model.decoder != "conv":
        yield without("pose", model={"decoder": "conv"})
    yield without("fast waves", model={"fast_waves": 0.0})
    yield without("wrong prompts", train={"wrong_prompt_weight": 0.0})
    none = {"first_clip_penalty": 0.0, "clip_penalty": 0.0, "frame_penalty": 0.0}
    yield without("gradient penalty", train=none)
    yield without("average of the weights", train={"ema_decay": 0.0})
    yield without(
        "free-term penalty",
        train={"first_free_term_penalty": 0.0, "free_term_penalty": 0.0, "free_term_threshold": 0.0},
    )
