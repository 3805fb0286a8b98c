"""The tracker finds in the pixels what the renderer drew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.worlds.renderer import render
from data.worlds.shapes import COLOURS, SHAPES
from evaluation.scoring.tracker import track


def drawn(x, y, radius, *, shape="circle", colour="blue", angle=0.0, frames=2):
    full = np.ones((1, frames))
    centres = np.stack([full * x, full * y], axis=-1)
    return render(centres=centres, radii=full * radius, angles=full * angle, shape=shape, colour=colour, frame_size=64)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(16, 47),
    y=st.floats(16, 47),
    radius=st.floats(3, 9),
    shape=st.sampled_from(SHAPES),
    colour=st.sampled_from(sorted(COLOURS)),
    angle=st.floats(0, 6.28),
)
def test_place_size_and_colour_are_found_for_every_shape_at_every_angle(x, y, radius, shape, colour, angle):
    tracks = track(drawn(x, y, radius, shape=shape, colour=colour, angle=angle))
    assert np.allclose(tracks.centroids[0], (x, y), atol=0.2)
    assert np.allclose(tracks.radii, radius, atol=0.15)
    assert tracks.whole.all()
    assert (tracks.blobs == 1).all()
    nearest = min(COLOURS, key=lambda name: ((tracks.colours[0, 0] - COLOURS[name]) ** 2).sum())
    assert nearest == colour


def test_a_shape_cut_by_the_border_is_seen_but_not_whole():
    tracks = track(drawn(1.0, 30, 6))
    assert tracks.seen.all()
    assert not tracks.whole.any()


def test_a_shape_that_just_touches_the_border_is_whole_if_other_frames_show_its_size():
    frames = np.concatenate([drawn(30, 30, 6), drawn(5.5, 30, 6)], axis=1)
    assert track(frames).whole.all()


def test_an_empty_frame_has_no_blob_and_no_centroid():
    frames = drawn(30, 30, 6, frames=3)
    frames[0, 1] = 255
    tracks = track(frames)
    assert tracks.blobs.tolist() == [[1, 0, 1]]
    assert np.isnan(tracks.centroids[0, 1]).all()
    assert tracks.areas[0, 1] == 0


def test_specks_and_haze_are_ignored():
    frames = drawn(30, 30, 6)
    frames = np.minimum(frames, 250)  # haze everywhere
    frames[:, :, 5, 5] = (0, 0, 255)
    tracks = track(frames)
    assert (tracks.blobs == 1).all()
    assert np.allclose(tracks.centroids, 30, atol=0.05)


def test_two_shapes_are_two_blobs():
    assert (track(np.minimum(drawn(15, 30, 6), drawn(45, 30, 6))).blobs == 2).all()


def test_tracks_of_a_clip_do_not_depend_on_the_other_clips():
    clips = np.concatenate([drawn(10 + k / 3, 30, 5) for k in range(130)])
    together = track(clips)
    alone = track(clips[101:102])
    assert np.array_equal(together.centroids[101], alone.centroids[0])
    assert np.array_equal(together.cutouts[101], alone.cutouts[0])


@pytest.mark.parametrize(
    "frames",
    [np.zeros((1, 3, 8, 8, 3), np.float32), np.zeros((1, 3, 8, 9, 3), np.uint8), np.zeros((1, 1, 8, 8, 3), np.uint8)],
)
def test_frames_of_another_type_or_shape_are_refused(frames):
    with pytest.raises(ValueError, match="clip"):
        track(frames)
