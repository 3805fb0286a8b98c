"""The world: everything that decides what clips look like and which prompts are for training or held out."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.worlds.prompts import TUTORIAL_PHRASES, Meaning, PromptError, Scene, Vocabulary, parse_prompt
from data.worlds.ranges import MotionRanges
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.splits import SPLITS, read_split
from data.worlds.tiers import SEEN_TIER, TIERS, TierName


class HeldOut(BaseModel):
    """A phrase that no training clip shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: TierName = Field(description="; ".join(f"{name}: {TIERS[name]}" for name in ("T1", "T2")))
    phrase: str = Field(description="Phrase after the shape's name, as in 'moving up-right'.")


class WorldConfig(BaseModel):
    """What clips are made of. Two worlds with equal configs make the same clips, bit for bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    laws: Literal["flipbook", "tutorial"] = Field(
        "flipbook",
        description="What moves how: flipbook draws start, size and speed anew for each clip; tutorial has one clip a "
        "motion, of a blue circle, as the published notebook draws it.",
    )
    frame_size: Annotated[int, Field(ge=32, le=256, multiple_of=16)] = Field(
        64, description="Side of the square picture in px, a multiple of 16 from 32 to 256; all lengths scale with it."
    )
    frames: int = Field(10, ge=4, le=64, description="Frames in a clip, 4 to 64.")
    fps: int = Field(10, ge=1, le=60, description="Frames per second of the videos, 1 to 60.")
    shapes: tuple[str, ...] = Field(("circle",), min_length=1, description=f"Any of {', '.join(SHAPES)}.")
    colours: tuple[str, ...] = Field(
        ("blue",),
        min_length=1,
        description=f"Any of {', '.join(COLOURS)}. Prompts name the colour where there are several.",
    )
    phrases: tuple[str, ...] = Field(TUTORIAL_PHRASES, min_length=1, description="Phrases of the training prompts.")
    held_out: tuple[HeldOut, ...] = Field(
        (HeldOut(tier="T1", phrase="moving up-right"), HeldOut(tier="T2", phrase="moving up")),
        description="Phrases that are only evaluated, never trained on.",
    )
    split: str = Field(
        "",
        description="Frozen list of training and held-out prompts, in place of phrases and held_out. Empty: none. "
        f"Known: {', '.join(SPLITS)}.",
    )
    seen_limit: int = Field(
        0, ge=0, description="Train on the first so many prompts of the split only, to see what fewer cost; 0: on all."
    )
    radius: tuple[float, float] = Field(
        (4.5, 6.5), description="Range of the shapes' radius in px of a 64x64 picture, 2 to 12, low <= high."
    )
    ranges: MotionRanges = Field(
        default_factory=MotionRanges, description="Ranges of places, speeds and sizes that clips draw from."
    )

    @model_validator(mode="after")
    def _check(self) -> WorldConfig:
        for shape in self.shapes:
            if shape not in SHAPES:
                raise ValueError(f"unknown shape {shape!r}; choose from {', '.join(SHAPES)}")
        for colour in self.colours:
            if colour not in COLOURS:
                raise ValueError(f"unknown colour {colour!r}; choose from {', '.join(COLOURS)}")
        for values, name in ((self.shapes, "shapes"), (self.colours, "colours"), (self.phrases, "phrases")):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} holds a value twice")
        low, high = self.radius
        if not 2 <= low <= high <= 12:
            raise ValueError(f"radius must be two numbers from 2 to 12, low first, not {low:g} and {high:g}")
        if self.laws == "tutorial" and (self.shapes, self.colours) != (("circle",), ("blue",)):
            raise ValueError("the tutorial's laws know one shape and one colour: shapes circle, colours blue")
        held_out = [item.phrase for item in self.held_out]
        for phrase in (*self.phrases, *held_out):
            parse_prompt(f"{self.shapes[0]} {phrase}")
        for phrase in set(held_out) & set(self.phrases):
            raise ValueError(f"the phrase {phrase!r} is both trained on and held out")
        self._check_split()
        return self

    def _check_split(self) -> None:
        if not self.split:
            if self.seen_limit:
                raise ValueError("seen_limit counts the prompts of a split, and there is none; set split, too")
            return
        if self.held_out:
            raise ValueError(f"the split {self.split!r} says what is held out; set held_out to an empty list")
        split = read_split(self.split)
        if not split.fewest <= (self.seen_limit or len(split.train)) <= len(split.train):
            raise ValueError(
                f"seen_limit must be 0, or from {split.fewest} to {len(split.train)} in the split {self.split!r}; with "
                "fewer prompts some words would never be seen"
            )
        scenes = [parse_prompt(prompt) for prompt in (*split.train, *split.held_out_prompts)]
        if len({len(scene) for scene in scenes}) != 1:
            raise ValueError(f"the split {self.split!r} mixes prompts of one and of two objects")
        for meaning in {meaning for scene in scenes for meaning in scene}:
            if meaning.shape not in self.shapes or meaning.colour not in self.colours:
                raise ValueError(
                    f"the split {self.split!r} holds {meaning.colour} {meaning.shape}s, but the world has the shapes "
                    f"{', '.join(self.shapes)} and the colours {', '.join(self.colours)} only"
                )

    def _prompts(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        colours = [f"{colour} " for colour in self.colours] if len(self.colours) > 1 else [""]
        return tuple(f"{c}{shape} {phrase}" for c in colours for shape in self.shapes for phrase in phrases)

    @property
    def seen_prompts(self) -> tuple[str, ...]:
        """The prompts of the training clips."""
        if self.split:
            train = read_split(self.split).train
            return train[: self.seen_limit or len(train)]
        return self._prompts(self.phrases)

    @property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """Prompts per tier: T0 are the seen ones, the others are held out."""
        tiers: dict[str, tuple[str, ...]] = {SEEN_TIER: self.seen_prompts}
        if self.split:
            return tiers | read_split(self.split).tiers
        for tier in sorted({item.tier for item in self.held_out}):
            tiers[tier] = self._prompts(tuple(item.phrase for item in self.held_out if item.tier == tier))
        return tiers

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the training prompts: all that a model of this world can know."""
        return Vocabulary.of(self.seen_prompts)

    @property
    def objects(self) -> int:
        """How many objects each clip shows."""
        return len(parse_prompt(self.seen_prompts[0])) if self.split else 1

    def scene_of(self, prompt: str) -> Scene:
        """What `prompt` asks for; paraphrases of the world's split mean what the split says.

        Raises:
            PromptError: the prompt is neither of the grammar nor one of the paraphrases, or it asks for another number
                of objects than the world's clips have.
        """
        paraphrases = read_split(self.split).paraphrases if self.split else {}
        scene = parse_prompt(paraphrases.get(prompt, prompt))
        if len(scene) != self.objects:
            raise PromptError(
                f"The prompt {prompt!r} asks for {len(scene)} objects, but clips of this world show {self.objects}, "
                f"as in {self.seen_prompts[0]!r}."
            )
        return scene

    def colour_of(self, meaning: Meaning) -> str:
        """The colour that is drawn for `meaning`: the named one, else the world's first."""
        return meaning.colour or self.colours[0]

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of the config and its split: equal for worlds that make equal clips."""
        config = self.model_dump(mode="json") | ({"split": read_split(self.split).digest} if self.split else {})
        text = json.dumps(config, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
