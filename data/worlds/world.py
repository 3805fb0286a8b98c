"""The world: everything that decides what clips look like, and which prompts are trained on or held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.captions import PromptError, Vocabulary, quoted
from data.clip_format import ClipFormat
from data.worlds.digits import DIGITS, WHITE
from data.worlds.prompts import TUTORIAL_PHRASES, Meaning, Scene, parse_prompt
from data.worlds.ranges import MotionRanges
from data.worlds.shapes import COLOURS, SHAPES
from data.worlds.splits import SPLITS, read_split
from data.worlds.tiers import SEEN_TIER, TIERS, TierName
from data.worlds.wording.extent import vocabulary
from data.worlds.wording.frozen import SPLIT, sentences_by_tier, sentences_digest
from data.worlds.wording.nouns import NOUNS


class HeldOut(BaseModel):
    """A phrase that occurs in no training prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: TierName = Field(description="; ".join(f"{name}: {TIERS[name]}" for name in ("V1", "V2", "T1", "T2")))
    phrase: str = Field(description="Phrase after the name of the shape, for example 'moving up-right'.")


class WorldConfig(BaseModel):
    """What clips look like. Two worlds with equal configurations make the same clips, bit for bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    laws: Literal["flipbook", "tutorial"] = Field(
        "flipbook",
        description="How objects move. flipbook: start, size and speed are drawn for each clip. tutorial: one clip per "
        "motion, of a blue circle, as the published notebook draws it.",
    )
    frame_size: Annotated[int, Field(ge=32, le=256, multiple_of=16)] = Field(
        64, description="Side of the square picture in px, a multiple of 16 from 32 to 256. All lengths scale with it."
    )
    frames: int = Field(10, ge=4, le=64, description="Frames per clip, 4 to 64.")
    fps: int = Field(10, ge=1, le=60, description="Frames per second of the videos, 1 to 60.")
    shapes: tuple[str, ...] = Field(
        ("circle",),
        min_length=1,
        description=f"Any of {', '.join(SHAPES)}, or any of {', '.join(DIGITS)}: handwritten digits, white on black.",
    )
    colours: tuple[str, ...] = Field(
        ("blue",),
        min_length=1,
        description=f"Any of {', '.join(COLOURS)}. Prompts name the colour if there are several.",
    )
    phrases: tuple[str, ...] = Field(
        TUTORIAL_PHRASES, min_length=1, description="Phrases of the training prompts, each after the name of a shape."
    )
    held_out: tuple[HeldOut, ...] = Field(
        (HeldOut(tier="T1", phrase="moving up-right"), HeldOut(tier="T2", phrase="moving up")),
        description="Phrases that are evaluated but never trained on.",
    )
    split: str = Field(
        "",
        description="Name of a frozen list of training and held-out prompts, which replaces phrases and held_out: "
        f"{' or '.join(SPLITS)}. Empty: no such list.",
    )
    seen_limit: int = Field(
        0, ge=0, description="Number of prompts of the split to train on, from its beginning. 0: all of them."
    )
    radius: tuple[float, float] = Field(
        (4.5, 6.5), description="Lowest and highest radius of the shapes in px of a 64x64 picture, 2 to 12."
    )
    ranges: MotionRanges = Field(
        default_factory=MotionRanges, description="Ranges from which places, speeds and sizes are drawn."
    )
    varied_captions: int = Field(
        0,
        ge=0,
        le=16,
        description="Captions in free words that each clip has beside its plain prompt, 0 to 16. The pixels stay the "
        "same.",
    )

    @model_validator(mode="after")
    def _check(self) -> WorldConfig:
        for shape in self.shapes:
            if shape not in (*SHAPES, *DIGITS):
                raise ValueError(f"unknown shape {shape!r}; choose from {', '.join((*SHAPES, *DIGITS))}")
            if shape not in self.known_shapes:
                raise ValueError("a world has either shapes or digits, not both")
        for colour in self.colours:
            if colour not in self.palette:
                raise ValueError(f"unknown colour {colour!r}; choose from {', '.join(self.palette)}")
        for values, name in ((self.shapes, "shapes"), (self.colours, "colours"), (self.phrases, "phrases")):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} holds the same value twice")
        low, high = self.radius
        if not 2 <= low <= high <= 12:
            raise ValueError(f"radius must be two numbers from 2 to 12, the lower one first, not {low:g} and {high:g}")
        if self.digits and self.laws == "tutorial":
            raise ValueError("the tutorial has no digits: set laws to flipbook")
        if self.laws == "tutorial" and (self.shapes, self.colours) != (("circle",), ("blue",)):
            raise ValueError("the tutorial knows one shape and one colour: set shapes to circle and colours to blue")
        held_out = [item.phrase for item in self.held_out]
        for phrase in (*self.phrases, *held_out):
            parse_prompt(f"{self.shapes[0]} {phrase}")
        for phrase in set(held_out) & set(self.phrases):
            raise ValueError(f"the phrase {phrase!r} is both trained on and held out")
        self._check_split()
        if self.varied_captions and not (self.laws == "flipbook" and set(self.shapes) <= set(NOUNS)):
            raise ValueError(
                f"captions in free words need the laws flipbook and the shapes {', '.join(NOUNS)}: set varied_captions "
                "to 0"
            )
        return self

    def _check_split(self) -> None:
        if not self.split:
            if self.seen_limit:
                raise ValueError("seen_limit counts the prompts of a split, so set split as well")
            return
        if self.held_out:
            raise ValueError(f"the split {self.split!r} decides what is held out, so set held_out to an empty list")
        split = read_split(self.split)
        if not split.fewest <= (self.seen_limit or len(split.train)) <= len(split.train):
            raise ValueError(
                f"seen_limit must be 0, or from {split.fewest} to {len(split.train)} for the split {self.split!r}; "
                "with fewer prompts some words would never occur"
            )
        scenes = [parse_prompt(prompt) for prompt in (*split.train, *split.held_out_prompts)]
        if len({len(scene) for scene in scenes}) != 1:
            raise ValueError(f"the split {self.split!r} mixes prompts of one and of two objects")
        for meaning in {meaning for scene in scenes for meaning in scene}:
            if meaning.shape not in self.shapes or self.colour_of(meaning) not in self.colours:
                raise ValueError(
                    f"the split {self.split!r} holds {self.colour_of(meaning)} {meaning.shape}s, but the world has the "
                    f"shapes {', '.join(self.shapes)} and the colours {', '.join(self.colours)} only"
                )

    def _prompts(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        colours = [f"{colour} " for colour in self.colours] if len(self.colours) > 1 else [""]
        return tuple(f"{c}{shape} {phrase}" for c in colours for shape in self.shapes for phrase in phrases)

    @property
    def format(self) -> ClipFormat:
        """Number, size and rate of the frames of every clip."""
        return ClipFormat(frames=self.frames, height=self.frame_size, width=self.frame_size, fps=self.fps)

    @property
    def seen_prompts(self) -> tuple[str, ...]:
        """The prompts of the training clips, in order."""
        if self.split:
            train = read_split(self.split).train
            return train[: self.seen_limit or len(train)]
        return self._prompts(self.phrases)

    @property
    def tiers(self) -> dict[str, tuple[str, ...]]:
        """The prompts of each tier. See `data.worlds.tiers`."""
        tiers: dict[str, tuple[str, ...]] = {SEEN_TIER: self.seen_prompts}
        if self.split:
            return tiers | read_split(self.split).tiers | {name: tuple(some) for name, some in self._sentences.items()}
        for tier in TIERS:
            phrases = tuple(item.phrase for item in self.held_out if item.tier == tier)
            if phrases:
                tiers[tier] = self._prompts(phrases)
        return tiers

    @property
    def vocabulary(self) -> Vocabulary:
        """All words that training captions can hold. A model of this world can learn no others."""
        plain = self.plain_words
        if not self.varied_captions:
            return plain
        return Vocabulary(tuple(sorted({*plain.words, *vocabulary(map(parse_prompt, self.seen_prompts))})))

    @property
    def plain_words(self) -> Vocabulary:
        """The words of the training prompts. They name everything that clips show."""
        return Vocabulary.of(self.seen_prompts)

    @property
    def _sentences(self) -> dict[TierName, dict[str, str]]:
        """The frozen sentences of each tier about what training shows, and the prompt that means the same."""
        if not self.varied_captions or self.split != SPLIT:
            return {}
        seen = set(self.seen_prompts)
        lists = sentences_by_tier().items()
        found = {tier: {text: plain for text, plain in some.items() if plain in seen} for tier, some in lists}
        return {tier: some for tier, some in found.items() if some}

    @property
    def objects(self) -> int:
        """Number of objects in each clip, 1 or 2."""
        return len(parse_prompt(self.seen_prompts[0])) if self.split else 1

    @property
    def digits(self) -> bool:
        """Whether the objects are handwritten digits, white on black, in place of shapes on white."""
        return self.shapes[0] in DIGITS

    @property
    def known_shapes(self) -> tuple[str, ...]:
        """All shapes, or all digits, that a world of this kind can have."""
        return DIGITS if self.digits else SHAPES

    @property
    def palette(self) -> Mapping[str, tuple[int, int, int]]:
        """RGB of all colours that a world of this kind can have."""
        return WHITE if self.digits else COLOURS

    @property
    def one_look(self) -> bool:
        """Whether all objects have the same shape and colour."""
        return len(self.shapes) == len(self.colours) == 1

    def scene_of(self, prompt: str) -> Scene:
        """Return what `prompt` asks for: a sentence of the grammar, or a frozen sentence in free words.

        Raises:
            PromptError: the prompt is neither, or it names another number of objects than clips of this world show.
        """
        known = (some[prompt] for some in self._sentences.values() if prompt in some)
        scene = parse_prompt(next(known, prompt))
        if len(scene) != self.objects:
            raise PromptError(
                f"Clips of this world show {self.objects} object{'s' * (self.objects > 1)}, but the prompt "
                f"{quoted(prompt)} names {len(scene)}. Write for example {self.seen_prompts[0]!r}."
            )
        return scene

    def colour_of(self, meaning: Meaning) -> str:
        """Return the colour in which `meaning` is drawn: the colour that it names, else the first one of the world."""
        return meaning.colour or self.colours[0]

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of the configuration, its split and its sentences. Worlds that share it make the same clips."""
        config = self.model_dump(mode="json") | ({"split": read_split(self.split).digest} if self.split else {})
        if self._sentences:
            config["sentences"] = sentences_digest()
        text = json.dumps(config, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
