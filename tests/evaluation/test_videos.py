"""Videos can be read back by other programs, and hold what was given."""

import io

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from data.files import StorageError
from data.worlds.clips import make_clips_for
from data.worlds.prompts import PromptError
from evaluation.config import EvaluationConfig
from evaluation.pictures.contact_sheet import FAILED, contact_sheet
from evaluation.pictures.encoders import encode_avi, encode_gif, encode_mp4, enlarge
from evaluation.pictures.gallery import what_failed, write_gallery
from evaluation.pictures.moving_page import moving_page
from evaluation.pictures.videos import write_videos
from evaluation.scoring.clip_scores import score_clips


@pytest.fixture(scope="module")
def real(world):
    return make_clips_for(world, prompts=["circle moving up-right", "circle shrinking"], seed=0).frames


def test_an_mp4_plays_in_browsers_and_shows_the_clip(real):
    content = encode_mp4(real[0], 10)
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is loaded to the end
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 10
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(pictures) == 10
    assert np.abs(np.stack(pictures).astype(int) - enlarge(real[0])).mean() < 1


def test_a_gif_repeats_for_ever_and_shows_the_clip(real):
    picture = Image.open(io.BytesIO(encode_gif(real[0], 10)))
    assert picture.n_frames == 10
    assert picture.info["duration"] == 100
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
    assert reader.get(cv2.CAP_PROP_FPS) == 10
    pictures = [reader.read()[1] for _ in range(10)]
    assert not reader.read()[0]
    shown = np.stack(pictures)[..., ::-1]
    blue = (enlarge(real[0]) == (0, 0, 255)).all(axis=-1)
    assert np.allclose(shown[blue].mean(axis=0), (0, 0, 255), atol=30)
    assert shown[~blue].mean() > 240


def test_all_formats_are_written_one_file_per_clip_and_numbered_per_prompt(real, tmp_path):
    prompts = ["circle moving up-right", "circle shrinking", "circle moving up-right"]
    written = write_videos(tmp_path / "new", [real[[0, 1, 0]]], prompts=prompts, fps=10)
    names = [path.name for path in written]
    assert names[0] == "circle-moving-up-right-000.mp4"
    assert "circle-moving-up-right-001.gif" in names
    assert names[-2:] == ["contact-sheet.png", "clips.npz"]
    assert len(names) == 3 * 3 + 2
    assert sorted(names) == sorted(path.name for path in (tmp_path / "new").iterdir())
    with np.load(written[-1], allow_pickle=False) as stored:
        assert np.array_equal(stored["frames"], real[[0, 1, 0]])
        assert stored["prompts"].tolist() == prompts


def test_only_the_formats_asked_for_are_written(real, tmp_path):
    written = write_videos(tmp_path, [real[:1]], prompts=["circle shrinking"], fps=10, formats=["gif"])
    assert [path.name for path in tmp_path.iterdir()] == ["circle-shrinking-000.gif"] == [path.name for path in written]


def test_prompts_never_become_paths(real, tmp_path):
    folder = tmp_path / "out"
    write_videos(folder, [real[:1]], prompts=["../../etc/passwd"], fps=10, formats=["gif"])
    assert [path.name for path in folder.iterdir()] == ["etcpasswd-000.gif"]
    with pytest.raises(PromptError):
        write_videos(folder, [real[:1]], prompts=["../.."], fps=10, formats=["gif"])


def test_what_cannot_be_written_is_said(real, tmp_path):
    with pytest.raises(ValueError, match="webm"):
        write_videos(tmp_path, [real[:1]], prompts=["circle shrinking"], fps=10, formats=["webm"])
    with pytest.raises(ValueError, match="2 clips, 1 prompts"):
        write_videos(tmp_path, [real], prompts=["circle shrinking"], fps=10)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="file"):
        write_videos(tmp_path / "file", [real[:1]], prompts=["circle shrinking"], fps=10)


def test_odd_frames_get_even_sides_for_h264(clip):
    assert enlarge(clip[:, :7, :7], side=7).shape == (3, 8, 8, 3)
    assert enlarge(clip, side=32).shape == (3, 32, 32, 3)


def test_a_contact_sheet_shows_each_frame_once_and_marks_failures(real):
    prompts = ["circle moving up-right", "circle shrinking"]
    plain = contact_sheet(real, prompts)
    marked = contact_sheet(real, prompts, real=real, passed=[True, False], notes=["", "seen: expanding"])
    blue = (np.asarray(plain) == (0, 0, 255)).all(axis=-1).sum()
    assert blue == (real == (0, 0, 255)).all(axis=-1).sum()
    assert (np.asarray(marked) == (0, 0, 255)).all(axis=-1).sum() == 2 * blue
    red = (np.asarray(marked) == FAILED).all(axis=-1)
    assert red[marked.height // 2 + 20 :].any()
    assert not red[: marked.height // 2].any()


def test_a_contact_sheet_needs_a_label_per_clip(real):
    with pytest.raises(ValueError, match="2 clips, but 1 prompts"):
        contact_sheet(real, ["circle shrinking"])
    with pytest.raises(ValueError, match="N >= 1"):
        contact_sheet(real[:0], [])


def test_a_moving_page_has_a_frame_per_frame(real):
    picture = Image.open(io.BytesIO(moving_page(real, ["circle moving up-right", "circle shrinking"], fps=10)))
    assert picture.n_frames == 10


def test_failures_are_explained_in_a_few_words(real, world):
    prompts = ["circle moving up-right", "circle expanding"]
    assert what_failed(score_clips(real, prompts, world)) == ["", "seen: shrinking"]


def test_a_gallery_holds_the_first_samples_of_every_prompt(world, tmp_path):
    def sampler(prompts, seed):
        return make_clips_for(world, prompts=prompts, seed=seed).frames

    written = write_gallery(
        tmp_path / "videos", sampler=sampler, world=world, config=EvaluationConfig(videos_per_prompt=1)
    )
    assert len(written) == 20 * 3 + 3
    assert all(path.stat().st_size > 500 for path in written)
    assert not write_gallery(
        tmp_path / "none", sampler=sampler, world=world, config=EvaluationConfig(videos_per_prompt=0)
    )


def test_small_frames_are_enlarged_so_that_labels_fit(clip):
    assert contact_sheet(clip[None], ["circle moving right"]).height > 64
