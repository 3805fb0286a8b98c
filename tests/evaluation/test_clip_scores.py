"""Real clips pass, clips of another prompt fail, and each single fault is found."""

import cv2
import numpy as np
import pytest

from data.captions import PromptError
from data.worlds.clips import make_clips_for
from data.worlds.motions import MOTIONS
from data.worlds.prompts import PHRASES, parse_prompt
from data.worlds.world import WorldConfig
from evaluation.scoring.clip_scores import score_clips, score_observations
from evaluation.scoring.motion_fit import visible_part
from evaluation.scoring.observations import observe


def all_prompts(world):
    return [prompt for members in world.tiers.values() for prompt in members]


def real(world, prompts, seed=0):
    return make_clips_for(world, prompts=prompts, seed=seed).frames.copy()


def test_real_clips_of_every_phrase_are_exact(world):
    count = 48
    prompts = [f"circle {phrase}" for phrase in PHRASES for _ in range(count)]
    scores = score_clips(real(world, prompts), prompts, world)
    assert scores.motion_ok.reshape(-1, count).mean(axis=1).min() >= 0.99
    assert scores.joint.reshape(-1, count).mean(axis=1).min() >= 0.98
    assert scores.shape_iou.mean() >= 0.98
    assert scores.rmse.max() <= 0.5
    assert np.nanmin(scores.cosine) >= 0.99


def test_real_clips_of_every_shape_and_colour_are_exact(colourful_world):
    prompts = all_prompts(colourful_world)
    scores = score_clips(real(colourful_world, prompts), prompts, colourful_world)
    assert scores.motion_ok.mean() >= 0.99
    assert scores.joint.mean() >= 0.98


@pytest.mark.parametrize("size", [32, 128])
def test_real_clips_are_exact_at_other_frame_sizes(size):
    world = WorldConfig(frame_size=size)
    prompts = all_prompts(world) * 3
    assert score_clips(real(world, prompts), prompts, world).joint.mean() >= 0.98


def test_a_clip_passes_for_no_prompt_that_means_something_else(colourful_world):
    world = colourful_world
    prompts = all_prompts(world)
    seen = observe(real(world, prompts), world)
    generator = np.random.default_rng(0)
    for _ in range(5):
        others = [prompts[k] for k in generator.permutation(len(prompts))]
        different = np.array([parse_prompt(a) != parse_prompt(b) for a, b in zip(prompts, others, strict=True)])
        assert score_observations(seen, others, world).joint[different].mean() <= 0.005


def test_each_motion_is_distinguished_from_all_others(world):
    assert set(PHRASES.values()) == set(MOTIONS)
    prompts = [f"circle {phrase}" for phrase in PHRASES for _ in range(8)]
    scores = score_clips(real(world, prompts, seed=3), prompts, world)
    assert scores.predicted == scores.expected


def test_a_clip_played_backwards_shows_the_opposite_motion(world):
    prompts = ["circle moving down", "circle rotating clockwise", "circle shrinking", "circle moving up-left"]
    backwards = np.ascontiguousarray(real(world, prompts)[:, ::-1])
    scores = score_clips(backwards, prompts, world)
    assert scores.predicted == ("up", "counter-clockwise", "expanding", "down-right")
    assert not scores.joint.any()
    assert scores.cosine[0] == pytest.approx(-1, abs=0.01)


def test_a_shape_that_stands_still_has_no_motion(world):
    frames = np.repeat(real(world, ["circle moving right"])[:, 4:5], 10, axis=1)
    scores = score_clips(frames, ["circle shrinking"], world)
    assert scores.predicted == ("none",)


def test_a_circle_that_drifts_too_slowly_has_no_motion(world):
    frames = np.full((1, 10, 64, 64, 3), 255, np.uint8)
    for t in range(10):
        cv2.circle(frames[0, t], (20 + t, 30), 6, (0, 0, 255), -1)
    assert score_clips(frames, ["circle moving right"], world).predicted == ("none",)


def test_frames_in_random_order_have_no_motion(world):
    prompts = ["circle moving down", "circle rotating clockwise", "circle bouncing vertically"] * 4
    frames = real(world, prompts)[:, [5, 0, 8, 2, 9, 4, 1, 7, 3, 6]]
    assert not score_clips(frames, prompts, world).motion_ok.any()


def test_empty_and_noisy_clips_fail_without_an_error(world):
    frames = np.full((2, 10, 64, 64, 3), 255, np.uint8)
    frames[1] = np.random.default_rng(0).integers(0, 256, frames[1].shape)
    scores = score_clips(frames, ["circle moving down"] * 2, world)
    assert not scores.joint.any()
    assert scores.predicted[0] == "none"
    assert np.isnan(scores.start[0]).all()


def test_a_circle_that_vanishes_for_two_frames_fails_permanence(world):
    frames = real(world, ["circle moving right"])
    frames[0, 4:6] = 255
    scores = score_clips(frames, ["circle moving right"], world)
    assert scores.motion_ok[0]
    assert scores.permanence[0] == pytest.approx(0.8)
    assert not scores.joint[0]


def test_a_second_blob_and_even_a_speck_in_one_frame_are_a_wrong_count(world):
    frames = real(world, ["circle moving left"] * 2)
    frames[0, :, :6, :6] = (0, 0, 255)
    frames[1, 7, :2, :2] = (0, 0, 255)
    scores = score_clips(frames, ["circle moving left"] * 2, world)
    assert not scores.count_ok.any()
    assert scores.permanence_ok.all()


def test_a_clip_of_another_colour_fails_by_its_colour_only(world):
    frames = real(world, ["circle moving left"])
    frames = frames[..., ::-1].copy()  # blue becomes red
    scores = score_clips(frames, ["circle moving left"], world)
    assert scores.motion_ok[0]
    assert scores.shape_ok[0]
    assert not scores.colour_ok[0]
    assert not scores.joint[0]


def test_a_square_is_not_a_circle_in_a_world_with_both(colourful_world):
    frames = real(colourful_world, ["blue square moving left"] * 8)
    scores = score_clips(frames, ["blue circle moving left"] * 8, colourful_world)
    assert not scores.shape_ok.any()


def test_a_bar_is_not_a_circle(world):
    frames = np.full((1, 10, 64, 64, 3), 255, np.uint8)
    for t in range(10):
        frames[0, t, 20:44, 10 + 4 * t : 14 + 4 * t, :2] = 0
    scores = score_clips(frames, ["circle moving right"], world)
    assert scores.motion_ok[0]
    assert scores.shape_iou[0] < 0.6
    assert not scores.joint[0]


def test_an_edge_may_be_somewhat_softer_than_the_renderer_s_but_not_blurred(world):
    prompts = ["circle moving up", "circle rotating clockwise", "circle zigzagging vertically"] * 4
    frames = real(world, prompts)

    def blurred(pixels):
        soft = np.stack([[cv2.GaussianBlur(frame, (0, 0), pixels) for frame in clip] for clip in frames])
        return score_clips(soft, prompts, world)

    assert blurred(0.5).joint.all()
    assert not blurred(1.0).edge_ok.any()
    assert blurred(1.0).motion_ok.all()


def test_a_blob_of_half_strength_is_none(world):
    frames = real(world, ["circle moving up"])
    pale = (255 - (255 - frames.astype(int)) * 0.4).astype(np.uint8)
    assert not score_clips(pale, ["circle moving up"], world).joint[0]


def test_the_visible_part_of_a_disc_agrees_with_counting_pixels():
    y, x = np.mgrid[0:512, 0:512]
    for centre in ((0.0, 30.0), (2.5, 30.0), (61.0, 30.0), (30.0, 66.0)):
        fine = (x + 0.5) / 8 - 0.5, (y + 0.5) / 8 - 0.5
        inside = (fine[0] - centre[0]) ** 2 + (fine[1] - centre[1]) ** 2 <= 36
        fraction, shift = visible_part(np.array(centre), np.array(6.0), frame_size=64)
        assert fraction == pytest.approx(inside.sum() / 64 / (36 * np.pi), abs=0.01)
        place = np.array([fine[0][inside].mean(), fine[1][inside].mean()]) - centre
        assert shift == pytest.approx(place, abs=0.05)


def test_scores_need_one_valid_prompt_per_clip(world):
    frames = real(world, ["circle moving up"])
    with pytest.raises(ValueError, match="1 clips but 2 prompts"):
        score_clips(frames, ["circle moving up"] * 2, world)
    with pytest.raises(PromptError, match="wobbling"):
        score_clips(frames, ["circle wobbling"], world)
    with pytest.raises(ValueError, match="square"):
        score_clips(frames, ["square moving up"], world)
