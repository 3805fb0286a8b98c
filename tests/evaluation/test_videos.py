"""Videos can be read back by other programs, show the given clips, and play at the world's speed."""

import io
import re
import weakref
from collections.abc import Iterator

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from data.files import StorageError
from data.worlds.clips import make_clips_for
from evaluation.pictures.encoders import encode_avi, encode_gif, encode_mp4, enlarge
from evaluation.pictures.videos import SHEET_CLIPS_PER_PROMPT, write_videos


@pytest.fixture(scope="module")
def real(world):
    return make_clips_for(world, prompts=["circle moving up-right", "circle shrinking"], seed=0).frames


def test_an_mp4_plays_in_browsers_and_shows_the_clip(real):
    content = encode_mp4(real[0], 10)
    assert content.index(b"moov") < content.index(b"mdat")  # so that it plays before it is loaded completely
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(pictures) == 10
    assert np.abs(np.stack(pictures).astype(int) - enlarge(real[0])).mean() < 1


def test_a_gif_repeats_for_ever_and_shows_the_clip(real):
    picture = Image.open(io.BytesIO(encode_gif(real[0], 10)))
    assert picture.n_frames == 10
    assert picture.info["loop"] == 0
    for t in (0, 9):
        picture.seek(t)
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - enlarge(real[0])[t]).mean() < 1


def test_an_avi_is_xvid_and_keeps_red_apart_from_blue(real, tmp_path):
    content = encode_avi(real[0], 10)
    assert content[112:116] == b"XVID"  # the handler in the stream's header
    path = tmp_path / "clip.avi"
    path.write_bytes(content)
    reader = cv2.VideoCapture(str(path))
    pictures = [reader.read()[1] for _ in range(10)]
    assert not reader.read()[0]
    shown = np.stack(pictures)[..., ::-1]
    blue = (enlarge(real[0]) == (0, 0, 255)).all(axis=-1)
    assert np.allclose(shown[blue].mean(axis=0), (0, 0, 255), atol=30)
    assert shown[~blue].mean() > 240


def flicker(count):
    """A clip of `count` frames, each of another colour."""
    shades = np.linspace(0, 255, count).astype(np.uint8)
    return np.broadcast_to(shades[:, None, None, None], (count, 16, 16, 3)).copy()


@pytest.mark.parametrize("fps", [1, 10, 24, 30, 50, 60])
@pytest.mark.parametrize("count", [10, 48])
def test_a_gif_lasts_as_long_as_the_clip_and_no_frame_is_too_short_for_browsers(fps, count):
    picture = Image.open(io.BytesIO(encode_gif(flicker(count), fps)))
    delays, shades = [], []
    for number in range(picture.n_frames):
        picture.seek(number)
        delays.append(picture.info["duration"])
        shades.append(picture.convert("RGB").getpixel((0, 0))[0])
    assert sum(delays) == pytest.approx(1000 * count / fps, abs=5)
    assert min(delays) >= 20
    assert shades == sorted(set(shades))
    assert len(shades) == count if fps <= 50 else 0.6 * count < len(shades) < count


@pytest.mark.parametrize("fps", [10, 30, 50, 60])
def test_mp4_and_avi_play_at_the_worlds_speed(fps, tmp_path):
    clip = flicker(12)
    for name, content in (("clip.mp4", encode_mp4(clip, fps)), ("clip.avi", encode_avi(clip, fps))):
        path = tmp_path / name
        path.write_bytes(content)
        reader = cv2.VideoCapture(str(path))
        assert reader.get(cv2.CAP_PROP_FPS) == fps
        assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 12


def test_each_clip_becomes_one_file_per_format_numbered_per_prompt(real, tmp_path):
    prompts = ["circle moving up-right", "circle shrinking", "circle moving up-right"]
    written = write_videos(tmp_path / "new", [real, real[:1]], prompts=prompts, fps=10)
    names = [path.name for path in written]
    assert names[0] == "circle-moving-up-right-000.mp4"
    assert "circle-moving-up-right-001.gif" in names
    assert names[-2:] == ["contact-sheet.png", "clips.npz"]
    assert len(names) == 3 * 3 + 2
    assert sorted(names) == sorted(path.name for path in (tmp_path / "new").iterdir())
    with np.load(written[-1], allow_pickle=False) as stored:
        assert np.array_equal(stored["frames"], real[[0, 1, 0]])
        assert stored["prompts"].tolist() == prompts


def test_only_the_requested_formats_are_written(real, tmp_path):
    written = write_videos(tmp_path, [real[:1]], prompts=["circle shrinking"], fps=10, formats=["gif"])
    assert [path.name for path in tmp_path.iterdir()] == ["circle-shrinking-000.gif"] == [path.name for path in written]


class Batch(np.ndarray):
    """An array that can be referenced weakly."""


def test_memory_holds_two_batches_however_many_there_are(clip, tmp_path):
    made: list[weakref.ref[Batch]] = []
    most = 0

    def batches() -> Iterator[np.ndarray]:
        nonlocal most
        for _ in range(20):
            batch = Batch((2, *clip.shape), np.uint8)
            batch[:] = clip
            made.append(weakref.ref(batch))
            most = max(most, sum(reference() is not None for reference in made))
            yield batch
            del batch

    write_videos(tmp_path, batches(), prompts=["circle shrinking"] * 40, fps=10, formats=["png", "npz"])
    assert most == 2
    with np.load(tmp_path / "clips.npz") as stored:
        assert stored["frames"].shape == (40, *clip.shape)
    with Image.open(tmp_path / "contact-sheet.png") as sheet:
        assert sheet.height < (SHEET_CLIPS_PER_PROMPT + 1) * 80


def test_earlier_videos_of_the_same_prompt_give_way_and_all_other_files_stay(real, tmp_path):
    prompt = "circle moving up"
    write_videos(tmp_path, [real], prompts=[prompt] * 2, fps=10, formats=["gif", "avi"])
    others = ["circle-moving-up-right-000.gif", "circle-moving-up-notes.gif", "circle-moving-up-000.txt", "mine.mp4"]
    for name in others:
        (tmp_path / name).write_text("not ours")
    write_videos(tmp_path, [real[:1]], prompts=[prompt], fps=10, formats=["gif"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["circle-moving-up-000.gif", *others])


def test_prompts_never_become_paths(real, tmp_path):
    folder = tmp_path / "out"
    write_videos(folder, [real[:1]], prompts=["../../etc/passwd"], fps=10, formats=["gif"])
    assert [path.name for path in folder.iterdir()] == ["etc-passwd-000.gif"]
    (dots,) = write_videos(folder, [real[:1]], prompts=["../.."], fps=10, formats=["gif"])
    assert dots.parent == folder
    assert re.fullmatch(r"[0-9a-f]{8}-000\.gif", dots.name)


def test_wrong_formats_numbers_and_folders_are_named(real, tmp_path):
    with pytest.raises(ValueError, match="webm"):
        write_videos(tmp_path, [real[:1]], prompts=["circle shrinking"], fps=10, formats=["webm"])
    for batches, prompts in (([real], 1), ([real[:1]], 2), ([], 1), ([], 0)):
        with pytest.raises(ValueError, match=f"{prompts} prompts"):
            write_videos(tmp_path, batches, prompts=["circle shrinking"] * prompts, fps=10, formats=["npz"])
    assert not (tmp_path / "clips.npz").exists()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="file"):
        write_videos(tmp_path / "file", [real[:1]], prompts=["circle shrinking"], fps=10)


def test_odd_frames_get_even_sides_for_h264(clip):
    assert enlarge(clip[:, :7, :7], side=7).shape == (3, 8, 8, 3)
    assert enlarge(clip, side=32).shape == (3, 32, 32, 3)
