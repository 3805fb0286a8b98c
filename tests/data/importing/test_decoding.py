"""Videos of every kind become the right frames."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.importing.config import ImportConfig
from data.importing.decoding import Clips, decode
from data.importing.item import UnusableError
from data.importing.pictures import Frames
from tests.data.importing.videos import encoded, gif, moving_square, numbered, sound, turned, webp

LOSSLESS = {"qp": "0"}
CONFIG = ImportConfig()


def levels(clips: Clips, clip: int = 0) -> list[int]:
    """The numbers of the pictures that a clip of `numbered` shows."""
    return [round(float(frame.mean()) / 10) for frame in clips.frames[clip]]


@pytest.mark.parametrize(
    ("format", "codec", "pixels"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mp4", "mpeg4", "yuv420p"),
        ("mp4", "libx265", "yuv420p"),
        ("mp4", "libsvtav1", "yuv420p"),
        ("mp4", "libx264", "yuv420p10le"),
        ("mp4", "libx264", "yuvj420p"),
        ("mov", "qtrle", "rgb24"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("webm", "libvpx", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p"),
        ("matroska", "ffv1", "yuv444p"),
    ],
)
def test_each_container_and_codec_gives_the_pictures_that_were_encoded(format: str, codec: str, pixels: str) -> None:
    frames = moving_square(12)
    clips = decode(encoded(frames, format=format, codec=codec, pixels=pixels), CONFIG)
    assert clips.frames.shape == (1, 10, 64, 64, 3)
    assert clips.frames.dtype == np.uint8
    difference = np.abs(clips.frames[0].astype(int) - frames[:10])
    assert difference.mean() < 4
    assert (clips.width, clips.height, clips.starts) == (64, 64, (0.0,))
    assert clips.seconds == pytest.approx(1.2, abs=0.11)
    assert clips.fps == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("make", [gif, webp])
def test_animated_pictures_are_videos(make: object) -> None:
    frames = moving_square(12)
    clips = decode(make(frames), CONFIG)  # type: ignore[operator]
    assert np.abs(clips.frames[0].astype(int) - frames[:10]).max() <= 4
    assert clips.seconds == pytest.approx(1.2, abs=0.01)


def test_gray_video_has_three_equal_colours() -> None:
    clips = decode(encoded(numbered(12), codec="ffv1", format="matroska", pixels="gray"), CONFIG)
    assert (clips.frames == clips.frames[..., :1]).all()
    assert levels(clips) == list(range(10))


@pytest.mark.parametrize(
    "make",
    [
        lambda frames: gif(frames),
        lambda frames: webp(frames),
        lambda frames: encoded(frames, format="mov", codec="qtrle", pixels="argb", colour_space="rgba"),
        lambda frames: encoded(frames, format="mov", codec="png", pixels="rgba", colour_space="rgba"),
        lambda frames: encoded(frames, format="webm", codec="libvpx-vp9", pixels="yuva420p", colour_space="rgba"),
    ],
    ids=["gif", "webp", "mov qtrle", "mov png", "webm vp9"],
)
def test_transparent_parts_are_white(make: object) -> None:
    frames = np.zeros((12, 64, 64, 4), np.uint8)
    frames[:, :32] = (250, 0, 0, 255)
    frames[range(12), 30, range(12)] = (0, 250, 0, 255)  # pictures that are equal would be stored as one
    shown = decode(make(frames), CONFIG).frames[0]  # type: ignore[operator]
    assert (shown[:, 40:] > 250).all()
    assert (np.abs(shown[:, :20].astype(int) - (250, 0, 0)) < 10).all()


def test_a_video_without_a_file_keeps_its_rate() -> None:
    assert levels(decode(Frames(numbered(25), 25.0), CONFIG)) == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]
    assert levels(decode(Frames(numbered(12), None), CONFIG)) == list(range(10))


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
    ],
    ids=["90", "180", "270", "mirrored", "upside down"],
)
def test_a_turned_video_is_shown_upright(matrix: tuple[int, int, int, int], turn: object) -> None:
    frames = moving_square(12)
    frames[:, :8, :8] = (255, 0, 0)
    plain = encoded(frames, options=LOSSLESS)
    upright = decode(plain, CONFIG).frames[0]
    shown = decode(turned(plain, matrix=matrix), CONFIG).frames[0]
    np.testing.assert_array_equal(shown, np.stack([turn(picture) for picture in upright]))  # type: ignore[operator]


def test_a_turned_video_that_is_not_square_keeps_its_middle() -> None:
    frames = np.zeros((12, 64, 128, 3), np.uint8)
    frames[:, :, 64:] = 200  # the right half becomes the lower one
    clips = decode(turned(encoded(frames), matrix=(0, 1, -1, 0)), ImportConfig(fit="pad"))
    assert (clips.width, clips.height) == (64, 128)
    rows = clips.frames[0, 5, :, 32, 0]
    assert rows[8] < 30
    assert rows[56] > 170
    assert (clips.frames[0, 5, :, :14] < 30).all(), "black bars left"


def test_varying_times_between_pictures_keep_the_speed() -> None:
    times = [0.0, 0.05, 0.4, 0.45, 0.5, 0.95, 1.5]
    clips = decode(encoded(numbered(7), times=times, options=LOSSLESS), CONFIG)
    assert levels(clips) == [0, 1, 1, 1, 2, 4, 4, 4, 4, 4]


def test_negative_times_begin_at_the_first_picture() -> None:
    times = [number / 10 - 0.5 for number in range(12)]
    video = encoded(numbered(12), times=times, format="matroska", codec="ffv1", pixels="yuv444p")
    assert levels(decode(video, CONFIG)) == list(range(10))


@pytest.mark.parametrize(("format", "codec"), [("matroska", "ffv1"), ("mp4", "libx264")])
def test_rounded_times_lose_no_picture(format: str, codec: str) -> None:
    """Matroska rounds to milliseconds, so that the pictures at 1/30 s stand a little early or late."""
    config = ImportConfig(fps=30, frames=20)
    clips = decode(encoded(numbered(22), fps=30, format=format, codec=codec, pixels="yuv444p"), config)
    assert levels(clips) == list(range(20))


def test_odd_sizes_are_cut_around_the_middle_or_padded() -> None:
    frames = np.zeros((12, 65, 131, 3), np.uint8)
    frames[:, :, 43:88] = (0, 220, 0)  # the middle third
    video = encoded(frames, format="matroska", codec="ffv1", pixels="bgr0")
    cut = decode(video, CONFIG).frames[0, 0]
    assert (cut[32, 20:44] == (0, 220, 0)).all()
    assert (cut[:, :6] == 0).all()
    padded = decode(video, ImportConfig(fit="pad")).frames[0, 0]
    assert (padded[:15] == 0).all()
    assert (padded[-15:] == 0).all()
    assert (padded[20:44, 26:38] == (0, 220, 0)).all()


def test_wide_pixels_are_shown_wide() -> None:
    video = encoded(numbered(12) + np.uint8(50), options=LOSSLESS, pixel_aspect=2)
    clips = decode(video, ImportConfig(fit="pad"))
    assert (clips.width, clips.height) == (128, 64)
    assert (clips.frames[0, 0, :15] == 0).all()
    assert (clips.frames[0, 0, 17:47] > 40).all()


def test_a_long_video_gives_one_clip_or_is_cut_into_several() -> None:
    video = encoded(numbered(25), options=LOSSLESS)
    assert decode(video, ImportConfig(frames=5)).starts == (0.0,)
    cut = decode(video, ImportConfig(frames=5, clip_seconds=1.0))
    assert cut.starts == (0.0, 1.0)
    assert [levels(cut, clip) for clip in range(2)] == [[0, 2, 4, 6, 8], [10, 12, 14, 16, 18]]
    overlapping = decode(video, ImportConfig(frames=5, clip_seconds=1.0, stride=0.5))
    assert overlapping.starts == (0.0, 0.5, 1.0, 1.5)
    assert levels(overlapping, 1) == [5, 7, 9, 11, 13]
    apart = decode(video, ImportConfig(frames=4, fps=10, stride=1.2))
    assert [levels(apart, clip) for clip in range(2)] == [[0, 1, 2, 3], [12, 13, 14, 15]]


@given(
    count=st.integers(2, 25),
    rate=st.sampled_from([5, 10, 12, 24]),
    frames=st.integers(4, 8),
    stride=st.sampled_from([0.0, 0.25, 0.4, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_every_frame_of_every_clip_is_the_picture_shown_at_its_time(
    count: int, rate: int, frames: int, stride: float
) -> None:
    config = ImportConfig(frames=frames, fps=8, stride=stride)
    last = (frames - 1) / 8
    if last >= (count + 1) / rate - 1e-3:  # one picture may be missing
        with pytest.raises(UnusableError, match="too short"):
            decode(Frames(numbered(count), rate), config)
        return
    clips = decode(Frames(numbered(count), rate), config)
    for clip, start in enumerate(clips.starts):
        due = [start + number / 8 for number in range(frames)]
        assert levels(clips, clip) == [min(int(time * rate + 1e-4), count - 1) for time in due]
    following = clips.starts[-1] + stride
    assert not stride or following + last >= (count / rate)


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", "damaged", "cannot be read as a video"),
        (b"this is a text, not a video\n" * 50, "damaged", "cannot be read as a video"),
        (b"#EXTM3U\n#EXTINF:5,\n/etc/passwd\n#EXT-X-ENDLIST\n", "damaged", "cannot be read as a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "damaged", "cannot be read as a video"),
        (b"RIFF\x10\0\0\0WEBPVP8X", "damaged", "cannot be read as a video"),
    ],
    ids=["empty", "text", "playlist", "list of files", "half a WebP"],
)
def test_what_is_no_video_is_refused(content: bytes, kind: str, reason: str) -> None:
    with pytest.raises(UnusableError, match=reason) as refused:
        decode(content, CONFIG)
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("make", "kind", "reason"),
    [
        (sound, "no video", "holds sound only"),
        (lambda: encoded(moving_square(1)), "too short", "holds a single picture"),
        (lambda: webp(moving_square(1)), "too short", "holds a single picture"),
        (lambda: encoded(moving_square(5)), "too short", r"lasts 0\.\d+ s, and a clip needs 1 s \(10 frames at 10"),
        (lambda: encoded(moving_square(12, width=4, height=4)), "too small", "is 4 x 4 px"),
        (lambda: encoded(moving_square(12, width=2048, height=16)), "too large", "is 2048 x 16 px"),
    ],
    ids=["sound", "one picture", "one WebP picture", "short", "tiny", "narrow"],
)
def test_what_gives_no_clip_is_refused_with_the_reason(make: object, kind: str, reason: str) -> None:
    with pytest.raises(UnusableError, match=reason) as refused:
        decode(make(), CONFIG)  # type: ignore[operator]
    assert refused.value.kind == kind


def test_more_clips_than_fit_into_memory_are_refused_before_they_are_made() -> None:
    video = encoded(moving_square(2), times=[0.0, 20_000.0], codec="mpeg4")
    with pytest.raises(UnusableError, match=r"more than 4,369 clips\. Choose a longer stride"):
        decode(video, ImportConfig(clip_seconds=1))


@given(seed=st.integers(0, 2**32), cut=st.booleans())
@settings(max_examples=150, deadline=None)
def test_damaged_files_give_clips_or_a_reason_and_nothing_else(seed: int, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(GOOD[int(rng.integers(len(GOOD)))])
    if cut:
        del content[int(rng.integers(len(content))) :]
    else:
        for place in rng.integers(0, len(content), int(rng.integers(1, 20))):
            content[place] = rng.integers(256)
    with suppress(UnusableError):
        assert decode(bytes(content), ImportConfig(clip_seconds=1, stride=0.5)).frames.shape[1:] == (10, 64, 64, 3)


GOOD = [
    encoded(moving_square(16)),
    encoded(moving_square(16), format="avi", codec="mpeg4"),
    encoded(moving_square(16), format="webm", codec="libvpx-vp9"),
    encoded(moving_square(16), format="matroska", codec="mjpeg", pixels="yuvj420p"),
    gif(moving_square(16)),
    webp(moving_square(16)),
]
