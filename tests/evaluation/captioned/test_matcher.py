"""The matcher depends on its seed alone, reads any language, and does not punish equal captions."""

import numpy as np
import pytest
import torch

from evaluation.captioned.clips import CaptionedClips, small_copies
from evaluation.captioned.matcher import train_matcher
from evaluation.captioned.text import TextTower, words_of


def test_the_matcher_depends_on_its_seed_only_and_does_not_touch_the_global_seed(training):
    some = training.rows(np.arange(32))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = train_matcher(some, seed=0, steps=3)
    assert torch.equal(torch.rand(3), expected)
    again, other = train_matcher(some, seed=0, steps=3), train_matcher(some, seed=1, steps=3)
    vectors, same, different = (matcher.read_clips(some.frames)[1] for matcher in (first, again, other))
    assert np.array_equal(vectors, same)
    assert not np.allclose(vectors, different)


def test_clips_are_read_alike_in_any_company(training, matcher):
    _, together = matcher.read_clips(training.frames[:9])
    _, alone = matcher.read_clips(training.frames[:1])
    assert alone[0] == pytest.approx(together[0], abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)


def test_words_of_any_language_are_split():
    assert words_of("A Red-hot BALL, falling!") == ["a", "red", "hot", "ball", "falling"]
    assert words_of("赤い円 left") == ["赤", "い", "円", "left"]
    assert words_of("красный круг") == ["красный", "круг"]
    assert words_of("…") == []


def test_the_order_of_words_and_their_parts_count():
    torch.manual_seed(0)
    tower = TextTower(16)
    with torch.inference_mode():
        one, swapped, form, other, empty = tower(
            ["red ball left", "left ball red", "red balls left", "green frog jumps", ""]
        )
    assert not torch.allclose(one, swapped, atol=1e-4)
    assert torch.dist(one, form) < torch.dist(one, other)
    assert torch.isfinite(empty).all()


def test_a_matcher_of_one_clip_is_refused(training):
    with pytest.raises(ValueError, match="at least 2 clips"):
        train_matcher(training.rows(np.arange(1)), seed=0, steps=1)


def test_small_copies_keep_the_proportions_and_the_first_and_last_frame():
    frames = np.zeros((2, 40, 64, 128, 3), np.uint8)
    frames[:, 0], frames[:, -1] = 10, 20
    small = small_copies(frames, side=32, most_frames=16)
    assert small.shape == (2, 16, 24, 48, 3)
    assert (small[:, 0] == 10).all()
    assert (small[:, -1] == 20).all()
    assert small_copies(frames[:, :, :16, :16], side=32).shape == (2, 40, 16, 16, 3)


@pytest.mark.parametrize(
    ("frames", "captions", "message"),
    [
        (np.zeros((1, 2, 8, 8, 3), np.uint8), (("a",),), "at least 3 frames"),
        (np.zeros((1, 4, 8, 8, 3), np.float32), (("a",),), "uint8"),
        (np.zeros((1, 4, 8, 8, 3), np.uint8), (), "captions for 0"),
        (np.zeros((1, 4, 8, 8, 3), np.uint8), ((),), "no caption"),
    ],
)
def test_impossible_clips_are_refused(frames, captions, message):
    with pytest.raises(ValueError, match=message):
        CaptionedClips(frames, captions)
