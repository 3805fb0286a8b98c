"""What an evaluation measures, and on how many samples."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluationConfig(BaseModel):
    """Sizes and seed of an evaluation. Equal configs measure the same samples of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples_seen: int = Field(
        64, ge=1, le=10_000, description="Clips generated per seen prompt (tier T0), 1 to 10,000."
    )
    samples_held_out: int = Field(
        256, ge=1, le=10_000, description="Clips generated per held-out prompt (the other tiers), 1 to 10,000."
    )
    samples_real: int = Field(
        128, ge=2, le=10_000, description="Real clips per prompt, for the bounds of the scores, 2 to 10,000."
    )
    seed: int = Field(
        1234, ge=0, lt=2**63, description="Seed of the noise of the generated clips and of the real ones."
    )
    videos_per_prompt: int = Field(4, ge=0, le=64, description="Clips per prompt that are written as videos, 0 to 64.")
    shown_prompts: int = Field(
        20,
        ge=1,
        le=10_000,
        description="Prompts of each tier that videos and pictures show at most, evenly spread over the tier; scored "
        "are all. 1 to 10,000.",
    )
    frechet: bool = Field(
        True, description="Whether to train an encoder on real clips (some seconds) and report the Frechet distance."
    )
