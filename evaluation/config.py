"""How many samples an evaluation draws, and which of them it shows."""

from pydantic import BaseModel, ConfigDict, Field

from evaluation.captioned.config import CaptionedConfig


class EvaluationConfig(BaseModel):
    """Sizes and seed of an evaluation. Equal configs draw the same samples of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples_seen: int = Field(
        64, ge=1, le=10_000, description="Clips generated per seen prompt (tier T0), 1 to 10,000."
    )
    samples_held_out: int = Field(
        256, ge=1, le=10_000, description="Clips generated per held-out prompt (all other tiers), 1 to 10,000."
    )
    samples_real: int = Field(
        128,
        ge=2,
        le=10_000,
        description="Real clips per prompt, which give the upper bound of the scores, 2 to 10,000.",
    )
    seed: int = Field(
        1234, ge=0, lt=2**63, description="Seed of the noise of the generated clips, and of the real clips."
    )
    videos_per_prompt: int = Field(4, ge=0, le=64, description="Clips per prompt that are written as videos, 0 to 64.")
    shown_prompts: int = Field(
        20,
        ge=1,
        le=10_000,
        description="Maximum number of prompts per tier that videos and pictures show, evenly spread over the tier, "
        "1 to 10,000. All prompts are scored.",
    )
    captioned: CaptionedConfig = Field(
        default_factory=CaptionedConfig,
        title="Imported clips",
        description="How many clips are drawn and compared where a model has learned imported clips.",
    )
    frechet: bool = Field(
        True, description="Report the Fréchet distance. This trains a small encoder on real clips for some seconds."
    )
