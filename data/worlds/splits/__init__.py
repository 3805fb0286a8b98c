"""Frozen splits: which prompts are trained on, and which are held out, by tier.

Each split is a JSON file in this folder. It is never made again, so that results stay comparable. `freeze.py` made the
files, and tests prove that they follow its rules.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

SPLITS: tuple[str, ...] = ("shapes", "pairs", "digits")


class Withheld(BaseModel):
    """A family of combinations that no training clip shows: these shapes in these colours with these motions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field(description="The rule in words.")
    shapes: tuple[str, ...] = Field((), description="Empty: any shape.")
    colours: tuple[str, ...] = Field((), description="Empty: any colour.")
    motions: tuple[str, ...] = Field((), description="Empty: any motion.")

    def covers(self, *, shape: str, colour: str, motion: str) -> bool:
        """Return whether the combination belongs to the family."""
        pairs = ((self.shapes, shape), (self.colours, colour), (self.motions, motion))
        return all(not chosen or value in chosen for chosen, value in pairs)


class Split(BaseModel):
    """The training prompts, and the held-out prompts of each tier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    withheld: tuple[Withheld, ...] = Field(description="The rules behind T3.")
    withheld_for_validation: tuple[Withheld, ...] = Field((), description="The rules behind V3.")
    fewest: int = Field(ge=1, description="So many of the first training prompts hold every word already.")
    train: tuple[str, ...] = Field(description="Training prompts. Every beginning of the list is balanced.")
    V3: tuple[str, ...] = Field((), description="Like T3, with other combinations, for validation.")
    V5: tuple[str, ...] = Field((), description="Like T5, with other objects, for validation.")
    T1: tuple[str, ...] = Field(description="An unseen phrase of seen words. Its meaning is trained in other words.")
    T2: tuple[str, ...] = Field(description="A direction that is never shown. Its word is seen inside compounds only.")
    T3: tuple[str, ...] = Field(
        description="Combinations that are never shown: of shape, colour and motion, or of two known objects."
    )
    T5: tuple[str, ...] = Field(
        (),
        description="Prompts of two objects, with all sentences that swap their colours, shapes or motions. All four "
        "sentences consist of the same words.",
    )

    @property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """The held-out prompts of each tier that has any."""
        tiers = {
            "V3": self.V3,
            "V5": self.V5,
            "T1": self.T1,
            "T2": self.T2,
            "T3": self.T3,
            "T5": self.T5,
        }
        return {name: prompts for name, prompts in tiers.items() if prompts}

    @property
    def held_out_prompts(self) -> tuple[str, ...]:
        """The held-out prompts of all tiers."""
        return tuple(prompt for prompts in self.tiers.values() for prompt in prompts)

    @property
    def digest(self) -> str:
        """sha256 (hex) of everything that the split's file says."""
        return hashlib.sha256(self.model_dump_json(exclude_unset=True).encode()).hexdigest()


@cache
def read_split(name: str) -> Split:
    """Return the split `name`. Raises ValueError if there is no such split."""
    if name not in SPLITS:
        raise ValueError(f"there is no split {name!r}; choose from {', '.join(SPLITS)}")
    return Split.model_validate_json((files(__package__) / f"{name}.json").read_text(encoding="utf-8"))
