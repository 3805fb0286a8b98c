"""Frozen splits: which prompts are trained on, and which are held out, by tier.

Each is a JSON file here, and is not made anew: results stay comparable. `freeze.py` is how the files were made, and
tests prove that they are what their rules say.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

SPLITS: tuple[str, ...] = ("shapes", "pairs")


class Withheld(BaseModel):
    """A family of combinations that no training clip shows: all of these shapes, colours and motions at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field(description="The rule in words.")
    shapes: tuple[str, ...] = Field((), description="Empty: whatever the shape.")
    colours: tuple[str, ...] = Field((), description="Empty: whatever the colour.")
    motions: tuple[str, ...] = Field((), description="Empty: whatever the motion.")

    def covers(self, *, shape: str, colour: str, motion: str) -> bool:
        """Whether the combination belongs to the family."""
        pairs = ((self.shapes, shape), (self.colours, colour), (self.motions, motion))
        return all(not chosen or value in chosen for chosen, value in pairs)


class Split(BaseModel):
    """Prompts of training, and held-out ones by tier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    withheld: tuple[Withheld, ...] = Field(description="The rules behind T3.")
    fewest: int = Field(ge=1, description="So many training prompts, the first ones, hold every word already.")
    train: tuple[str, ...] = Field(description="In an order in which each beginning is balanced.")
    T1: tuple[str, ...] = Field(description="Unseen phrase of seen words; its meaning is trained in other words.")
    T2: tuple[str, ...] = Field(description="A direction that is never shown; its word is seen inside compounds.")
    T3: tuple[str, ...] = Field(
        description="Combinations that are never shown: of shape, colour and motion, or of two objects that are known."
    )
    T4: dict[str, str] = Field(description="Paraphrases in words of which most are never seen, and what they mean.")
    T5: tuple[str, ...] = Field(
        (),
        description="Two objects, and all sentences that swap colours, shapes or motions between them: which goes "
        "with which is all that tells these prompts apart.",
    )

    @property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """The held-out prompts by tier; tiers without any are left out."""
        tiers = {"T1": self.T1, "T2": self.T2, "T3": self.T3, "T4": tuple(self.T4), "T5": self.T5}
        return {name: prompts for name, prompts in tiers.items() if prompts}

    @property
    def held_out_prompts(self) -> tuple[str, ...]:
        """Those that are sentences of the grammar: all but the paraphrases."""
        return self.T1 + self.T2 + self.T3 + self.T5

    @property
    def paraphrases(self) -> dict[str, str]:
        """Paraphrases, and the sentence of the grammar that means the same."""
        return self.T4

    @property
    def digest(self) -> str:
        """sha256 (hex) of the whole split."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self, *, indent: int | None = None) -> str:
        """The split as JSON; T5 stands in it only where there is any, so that older splits keep their digest."""
        return self.model_dump_json(indent=indent, exclude=None if self.T5 else {"T5"})


@cache
def read_split(name: str) -> Split:
    """The split `name`; raises ValueError where there is none."""
    if name not in SPLITS:
        raise ValueError(f"there is no split {name!r}; choose from {', '.join(SPLITS)}")
    return Split.model_validate_json((files(__package__) / f"{name}.json").read_text(encoding="utf-8"))
