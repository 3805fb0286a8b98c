"""Many clips are drawn part by part, so that memory stays bounded."""

import numpy as np

from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.networks.choice import build_clip_generator, build_prompt_features
from models.sampling import CHUNK, render_samples


def test_clips_that_are_drawn_in_parts_equal_those_drawn_at_once() -> None:
    world = WorldConfig(frame_size=32, frames=4)
    config = ModelConfig(motion_width=16, channels=8)
    generator = build_clip_generator(config, world).eval()
    text = build_prompt_features(config, world).features(["circle moving left"] * (CHUNK + 3), unknown_words="refuse")
    parts = [
        render_samples(generator, text[first : first + CHUNK], seed=3, clip=world.format, first=first)
        for first in range(0, len(text), CHUNK)
    ]
    np.testing.assert_array_equal(render_samples(generator, text, seed=3, clip=world.format), np.concatenate(parts))
