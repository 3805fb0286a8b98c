"""How videos become clips: size, rate and length of the clips, where their captions stand, and how they are split."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.clip_format import ClipFormat

DEFAULT_RATE = 10.0
"""Frames per second of clips if nobody chooses another rate."""


class ImportConfig(BaseModel):
    """How videos become clips.

    A clip lasts `frames / fps` seconds at the speed of its video. With `clip_seconds`, the rate follows from it:
    4 frames in clips of 2 s are 2 frames per second.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(64, ge=32, le=128, multiple_of=8, description="Width of the clips in px, 32 to 128.")
    height: int = Field(64, ge=32, le=128, multiple_of=8, description="Height of the clips in px, 32 to 128.")
    frames: int = Field(10, ge=4, le=32, description="Frames per clip, 4 to 32.")
    fps: float = Field(
        0.0,
        ge=0,
        le=60,
        allow_inf_nan=False,
        description="Frames per second of the clips, up to 60. 0: frames / clip_seconds if that is given, else 10.",
    )
    fit: Literal["crop", "pad"] = Field(
        "crop", description="crop: cut off what does not fit the clips' shape. pad: fill the rest with black."
    )
    clip_seconds: float = Field(
        0.0,
        ge=0,
        le=600,
        allow_inf_nan=False,
        description="Length of a clip in seconds. A longer video is cut into several clips. "
        "0: one clip per video, from its beginning, of frames / fps seconds.",
    )
    stride: float = Field(
        0.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds between the beginnings of two clips of one video. 0: one clip follows the other.",
    )
    caption_column: str = Field(
        "", description="Column of the captions. Empty: caption, text or prompt, or else the only other column."
    )
    split_column: str = Field(
        "", description="Column that says train, validation or test. Empty: clips are split by their captions."
    )
    validation_share: float = Field(0.05, ge=0, le=0.5, description="Share of the captions for validation, 0 to 0.5.")
    test_share: float = Field(0.1, ge=0, le=0.5, description="Share of the captions for the test, 0 to 0.5.")
    seed: int = Field(0, ge=0, lt=2**63, description="Another seed splits the captions differently.")
    longest_caption: int = Field(
        100_000,
        ge=1,
        le=1_000_000,
        description="Characters of the longest caption. Files with a longer one are rejected.",
    )

    @model_validator(mode="after")
    def _check(self) -> ImportConfig:
        if not 0.05 <= self.rate <= 60:
            raise ValueError(f"clips of {self.rate:g} frames per second are too slow or too fast; choose 0.05 to 60")
        if self.clip_seconds and abs(self.seconds - self.clip_seconds) > 1e-6 * self.clip_seconds:
            raise ValueError(
                f"{self.frames} frames at {self.rate:g} per second last {self.seconds:g} s, but clip_seconds is "
                f"{self.clip_seconds:g}; leave out fps or clip_seconds"
            )
        if 0 < self.stride < 1 / self.rate:
            raise ValueError(
                f"a stride of {self.stride:g} s is shorter than the {1 / self.rate:g} s between two frames; "
                "choose a longer stride"
            )
        if self.validation_share + self.test_share > 0.9:
            raise ValueError("validation_share and test_share leave nothing to train on; their sum may be 0.9")
        return self

    @property
    def rate(self) -> float:
        """Frames per second of the clips."""
        return self.fps or (self.frames / self.clip_seconds if self.clip_seconds else DEFAULT_RATE)

    @property
    def clip(self) -> ClipFormat:
        """The format of the clips."""
        return ClipFormat(frames=self.frames, height=self.height, width=self.width, fps=self.rate)

    @property
    def seconds(self) -> float:
        """Seconds of video that a clip covers."""
        return self.frames / self.rate

    @property
    def step(self) -> float | None:
        """Seconds between the beginnings of two clips of one video. None: only one clip per video."""
        return self.stride or self.clip_seconds or None
