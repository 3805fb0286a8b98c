"""How many clips an evaluation without a renderer draws and compares."""

import hashlib
import json

from pydantic import BaseModel, ConfigDict, Field


class CaptionedConfig(BaseModel):
    """Sizes and seed of an evaluation against captioned clips. Equal configs draw the same samples of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    captions_per_split: int = Field(
        128,
        ge=1,
        le=10_000,
        description="Maximum number of captions per split for which clips are generated, evenly spread over the "
        "split, 1 to 10,000.",
    )
    clips_per_split: int = Field(
        512,
        ge=2,
        le=100_000,
        description="Clips generated per split, the same number for each caption and at least 2, so the total may "
        "be a little larger, 2 to 100,000.",
    )
    real_clips: int = Field(
        512,
        ge=4,
        le=10_000,
        description="Maximum number of real clips per split, which give the bounds, 4 to 10,000. For the seen "
        "captions, at most a quarter of the training clips is kept from the matcher for this.",
    )
    candidates: int = Field(
        100, ge=2, le=10_000, description="Captions from which a clip's own must be found, with it, 2 to 10,000."
    )
    matcher_clips: int = Field(
        4096, ge=2, le=20_000, description="Maximum number of training clips for the matcher, 2 to 20,000."
    )
    matcher_steps: int = Field(
        300,
        ge=1,
        le=10_000,
        description="Maximum number of the matcher's training steps, 1 to 10,000. Few clips need fewer.",
    )
    shown_captions: int = Field(
        12,
        ge=1,
        le=1_000,
        description="Maximum number of captions per split that videos and pictures show, 1 to 1,000.",
    )
    seed: int = Field(
        1234, ge=0, lt=2**63, description="Seed of the generated clips' noise, of the matcher and of all choices."
    )

    @property
    def measure(self) -> str:
        """sha256 (hex) of all that retrieval depends on, except the number of clips. Equal ones can be compared."""
        values = self.model_dump(exclude={"clips_per_split", "shown_captions"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def clips_per_caption(self, captions: int) -> int:
        """How many clips are generated for each of so many captions."""
        return max(2, -(-self.clips_per_split // captions))
