"""The configuration of a whole pipeline: one frozen model per step, each defined beside the code that it controls."""

from pydantic import BaseModel, ConfigDict, Field

from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from models.config import ModelConfig, TrainConfig


class PipelineConfig(BaseModel):
    """Everything that determines the results of a pipeline. Equal configurations share their results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: WorldConfig = Field(
        default_factory=WorldConfig, title="World", description="What clips show, and which prompts are held out."
    )
    data: DataConfig = Field(
        default_factory=DataConfig, title="Data", description="How many clips are made, and how they are stored."
    )
    model: ModelConfig = Field(default_factory=ModelConfig, title="Model", description="Sizes of the networks.")
    train: TrainConfig = Field(
        default_factory=TrainConfig, title="Training", description="How the networks are trained."
    )
    evaluation: EvaluationConfig = Field(
        default_factory=EvaluationConfig,
        title="Evaluation",
        description="How many samples are drawn, and what is measured on them.",
    )
