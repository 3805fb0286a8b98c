"""A configuration so small that the whole pipeline takes seconds. As a program, it runs that pipeline.

python tests/flows/tiny.py '{"train": {"steps": 4}}'       prints what was cached, as JSON
"""

import json
import sys
from typing import Any

from data.shards.config import DataConfig
from data.worlds.world import HeldOut, WorldConfig
from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from models.config import ModelConfig, TrainConfig


def tiny_config(**changes: dict[str, Any]) -> PipelineConfig:
    """The tiny configuration. `changes` go by section, as in train={"steps": 4}."""
    sections = {
        "world": WorldConfig(
            frame_size=32,
            frames=4,
            phrases=("moving left", "moving right", "moving up-left"),
            held_out=(HeldOut(tier="T1", phrase="moving up-right"),),
        ),
        "data": DataConfig(clips=36, shards=3),
        "model": ModelConfig(motion_width=16, channels=8, discriminator_width=16, frame_discriminator_channels=4),
        "train": TrainConfig(
            steps=6,
            prompts_per_batch=2,
            clips_per_prompt=2,
            frames_per_batch=4,
            log_every=2,
            sample_every=6,
            threads=1,
            device="cpu",
        ),
        "evaluation": EvaluationConfig(
            samples_seen=4, samples_held_out=4, samples_real=4, videos_per_prompt=1, frechet=False
        ),
    }
    return PipelineConfig(
        **{name: section.model_copy(update=changes.get(name, {})) for name, section in sections.items()}
    )


if __name__ == "__main__":
    from flows.pipeline import pipeline

    result = pipeline(tiny_config(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")))
    print(json.dumps({"cached": result.cached, "version": result.model_version}))
