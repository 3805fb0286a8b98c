"""Drawing videos with a trained model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.captions import PromptError
from models.sampling import TextToVideo
from tests.models.tiny import LEFT, SHRINKING


def test_a_clip_depends_only_on_its_prompt_the_seed_and_its_place(trained: Path) -> None:
    model = TextToVideo.load(trained)
    many = model.generate([LEFT] * 40, seed=3)
    few = model.generate([SHRINKING, LEFT], seed=3)
    np.testing.assert_array_equal(many[1], few[1])
    assert not np.array_equal(many[1], model.generate([LEFT] * 2, seed=4)[1])
    assert many.dtype == np.uint8
    assert many.shape == (40, 4, 32, 32, 3)
    assert model.generate([], seed=3).shape == (0, 4, 32, 32, 3)


def test_an_unknown_word_is_refused(trained: Path) -> None:
    with pytest.raises(PromptError, match="'square'"):
        TextToVideo.load(trained).generate(["square moving left"], seed=0)


def test_an_unknown_device_is_refused_before_the_checkpoint_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no device 'tpu'"):
        TextToVideo.load(tmp_path / "gone", device="tpu")
