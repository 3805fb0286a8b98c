"""The Fréchet distance separates generated from real clips, and depends on the order of the frames."""

import numpy as np
import pytest
import torch

from data.worlds.clips import make_clips_for
from evaluation.scoring.frechet import frechet_distance, shuffle_frames, train_encoder


@pytest.fixture(scope="module")
def encoder(world):
    return train_encoder(world, seed=0)


def clips(world, seed, count=288):
    return make_clips_for(world, prompts=[world.seen_prompts[k % 18] for k in range(count)], seed=seed).frames


def test_real_clips_are_nearer_than_shuffled_frames_and_repeated_clips(world, encoder):
    reference, real = (encoder.encode(clips(world, seed)) for seed in (1, 2))
    floor = frechet_distance(real, reference)
    shuffled = frechet_distance(encoder.encode(shuffle_frames(clips(world, 2), seed=0)), reference)
    narrow = frechet_distance(np.repeat(real[:18], 16, axis=0), reference)
    assert shuffled > 10 * floor
    assert narrow > 1.5 * floor


def test_the_encoder_depends_on_its_seed_only_and_does_not_touch_the_global_seed(world):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    encoder = train_encoder(world, seed=0, steps=8)
    assert torch.equal(torch.rand(3), expected)
    again = train_encoder(world, seed=0, steps=8)
    some = clips(world, 5, count=4)
    assert np.array_equal(again.encode(some), encoder.encode(some))


def test_the_distance_of_known_gaussians_agrees_with_the_formula():
    generator = np.random.default_rng(0)
    a, b = generator.normal(0, 1, (200_000, 2)), generator.normal((3, 0), 2, (200_000, 2))
    assert frechet_distance(a, b) == pytest.approx(9 + 2 * (2 - 1) ** 2, rel=0.02)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-3)


def test_shuffling_keeps_every_frame_of_each_clip():
    frames = np.arange(2 * 5, dtype=np.uint8).reshape(2, 5, 1, 1, 1) * np.ones((1, 1, 2, 2, 3), np.uint8)
    shuffled = shuffle_frames(frames, seed=3)
    assert not np.array_equal(shuffled, frames)
    assert np.array_equal(np.sort(shuffled[..., 0, 0, 0], axis=1), frames[..., 0, 0, 0])


def test_one_clip_is_not_enough_for_a_distance():
    with pytest.raises(ValueError, match="2 clips"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
