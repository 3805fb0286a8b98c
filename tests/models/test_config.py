"""Values of the configuration that do not fit together are refused with what to change."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.config import ModelConfig, TrainConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": "tutorial", "without": ("cosines",)}, "has none of our parts"),
        ({"without": ("cosines", "cosines")}, "a value twice"),
        ({"decoder": "sprite", "without": ("clip_latent",)}, "draws an object once per clip"),
        ({"without": ("text_in_discriminator",), "word_heads": True}, "word_heads judge the text"),
        ({"network": "tutorial", "text_encoder": "sentence"}, "has its own words"),
        ({"network": "tutorial", "objects": 2}, "draws one object: leave objects at 1"),
        ({"decoder": "keypoint", "objects": 2}, '"keypoint" draws one object: set decoder = "layers"'),
        ({"decoder": "sprite", "objects": 2}, '"sprite" draws one object: set decoder = "layers"'),
        ({"frame_pooling": True}, "set frame_discriminator_channels"),
    ],
)
def test_networks_that_do_not_exist_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelConfig.model_validate(values)


def test_samples_are_drawn_only_where_losses_are_reported() -> None:
    with pytest.raises(ValidationError, match=r"sample_every \(30\) must be a multiple of log_every \(20\)"):
        TrainConfig(sample_every=30, log_every=20)
