"""The clips of the tutorial as published, and what is wrong with them as a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from data.reading.dataset import load_clips
from data.shards.config import DataConfig
from data.worlds.clips import make_clips, make_clips_for, stream_clips
from data.worlds.tutorial import tutorial_centre, tutorial_frame
from data.worlds.world import WorldConfig

WORLD = WorldConfig(laws="tutorial")
BLUE, WHITE = (0, 0, 255), (255, 255, 255)


def _clip(phrase: str) -> np.ndarray:
    return make_clips_for(WORLD, prompts=[f"circle {phrase}"], seed=0).frames[0]


def test_however_many_clips_are_drawn_only_twelve_are_distinct() -> None:
    batch = make_clips(WORLD, seed=3, indices=range(1000))
    assert set(batch.prompts) == set(WORLD.seen_prompts)
    assert len({frames.tobytes() for frames in batch.frames}) == 12


def test_nothing_is_drawn_at_random() -> None:
    prompt = ["circle moving left"]
    one, other = (make_clips_for(WORLD, prompts=prompt, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(one.frames, other.frames)
    assert all(np.isnan(values).all() for values in one.objects[0].factors.values())
    assert (one.objects[0].radii == 5).all()


@pytest.mark.parametrize("phrase", ["rotating clockwise", "rotating counter-clockwise", "shrinking", "expanding"])
def test_turning_and_resizing_show_a_circle_that_does_nothing(phrase: str) -> None:
    frames = _clip(phrase)
    assert (frames == frames[0]).all()
    np.testing.assert_array_equal(frames[0], tutorial_frame("down", 0, frame_size=64))


def test_a_circle_that_leaves_the_picture_comes_back_on_the_other_side() -> None:
    places = [tutorial_centre("down-right", frame, frame_size=64) for frame in range(10)]
    assert places[6:8] == [(62, 62), (3, 3)]
    batch = make_clips_for(WORLD, prompts=["circle moving down-right"], seed=0)
    assert [tuple(centre) for centre in batch.objects[0].centres[0].tolist()] == places


def test_a_direction_has_the_same_clip_under_both_of_its_phrases() -> None:
    np.testing.assert_array_equal(_clip("moving down-left"), _clip("moving diagonally down-left"))


def test_a_bounce_runs_from_the_border_to_the_middle_and_back() -> None:
    assert [tutorial_centre("bounce-vertical", frame, frame_size=64)[1] for frame in range(10)] == [
        *(0, 5, 10, 15, 20, 25, 30, 29, 24, 19)
    ]


def test_a_zigzag_jumps_on_its_own_axis_and_leaves_the_picture() -> None:
    places = [tutorial_centre("zigzag-horizontal", frame, frame_size=64) for frame in range(10)]
    assert places == [(x, 32) for x in (32, 37, 22, 47, 12, 57, 2, 67, -8, 77)]
    assert (_clip("zigzagging horizontally")[9] == 255).all()


def test_the_circle_is_blue_of_radius_5_and_not_anti_aliased() -> None:
    frame = tutorial_frame("left", 0, frame_size=64)
    assert {tuple(pixel) for pixel in frame.reshape(-1, 3).tolist()} == {BLUE, WHITE}
    rows, columns = np.nonzero((frame == BLUE).all(axis=-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (27, 37, 27, 37)


def test_held_out_prompts_follow_the_same_rules() -> None:
    centres = make_clips_for(WORLD, prompts=["circle moving up", "circle moving up-right"], seed=0).objects[0].centres
    assert centres[0, 2].tolist() == [32, 22]
    assert centres[1, 2].tolist() == [42, 22]


def test_shards_and_streams_hold_the_same_clips(tmp_path: Path, write_dataset: Callable[..., Path]) -> None:
    folder = write_dataset(tmp_path, world=WORLD, data=DataConfig(clips=50, shards=2, seed=4))
    clips = load_clips(folder)
    batch = make_clips(WORLD, seed=4, indices=range(50))
    assert clips.prompts == list(batch.prompts)
    np.testing.assert_array_equal(clips.ink.frames(torch.arange(50)).numpy(), batch.frames.transpose(0, 1, 4, 2, 3))
    parts = list(stream_clips(WORLD, seed=4, indices=range(50), size=20))
    np.testing.assert_array_equal(np.concatenate([part.frames for part in parts]), batch.frames)


def test_the_tutorial_knows_no_other_shape_or_colour() -> None:
    with pytest.raises(ValidationError, match="one shape and one colour"):
        WorldConfig(laws="tutorial", shapes=("square",))
    with pytest.raises(ValidationError, match="one shape and one colour"):
        WorldConfig(laws="tutorial", colours=("blue", "red"))


def test_the_tutorial_is_a_world_of_its_own() -> None:
    assert WORLD.fingerprint != WorldConfig().fingerprint
