"""The configuration of a whole pipeline: one frozen model per step, each defined beside the code that it controls."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from models.config import ModelConfig, TrainConfig


class PipelineConfig(BaseModel):
    """Everything that determines the results of a pipeline. Equal configurations share their results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(
        "",
        title="Data set",
        description="A data set of your own clips: the folder that `flipbook import` has made, or the beginning of its "
        "digest. Empty: the clips of the world below. With a data set, the sections world and data are not used.",
    )
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

    @model_validator(mode="after")
    def _check(self) -> "PipelineConfig":
        if self.dataset:
            check_generic(self.model)
        return self


def check_generic(model: ModelConfig) -> None:
    """Raise `ValueError` unless a model can draw imported clips."""
    if (model.network, model.decoder) != ("flipbook", "conv"):
        raise ValueError(
            "imported clips need the generic generator, since the others draw the objects of the synthetic worlds: "
            'use the preset own, or set model.network to "flipbook" and model.decoder to "conv"'
        )
