"""Contact sheets, moving pages and galleries show every clip and mark failures."""

import io

import numpy as np
import pytest
from PIL import Image

from data.worlds.clips import make_clips_for
from data.worlds.world import HeldOut, WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.pictures.contact_sheet import FAILED, contact_sheet
from evaluation.pictures.gallery import what_failed, write_gallery
from evaluation.pictures.labels import font_for, label_lines
from evaluation.pictures.moving_page import moving_page
from evaluation.scoring.clip_scores import score_clips

PROMPTS = ["circle moving up-right", "circle shrinking"]


@pytest.fixture(scope="module")
def real(world):
    return make_clips_for(world, prompts=PROMPTS, seed=0).frames


def test_a_contact_sheet_shows_each_frame_once_and_marks_failures(real):
    plain = contact_sheet(real, PROMPTS)
    marked = contact_sheet(real, PROMPTS, real=real, passed=[True, False], notes=["", "seen: expanding"])
    blue = (np.asarray(plain) == (0, 0, 255)).all(axis=-1).sum()
    assert blue == (real == (0, 0, 255)).all(axis=-1).sum()
    assert (np.asarray(marked) == (0, 0, 255)).all(axis=-1).sum() == 2 * blue
    red = (np.asarray(marked) == FAILED).all(axis=-1)
    assert red[marked.height // 2 + 20 :].any()
    assert not red[: marked.height // 2].any()


def test_a_contact_sheet_needs_one_label_per_clip(real):
    with pytest.raises(ValueError, match="2 clips, but 1 prompts"):
        contact_sheet(real, ["circle shrinking"])
    with pytest.raises(ValueError, match="N >= 1"):
        contact_sheet(real[:0], [])


def test_small_frames_are_enlarged_so_that_labels_fit(clip):
    assert contact_sheet(clip[None], ["circle moving right"]).height > 64


def test_a_moving_page_has_as_many_frames_as_the_clips(real):
    assert Image.open(io.BytesIO(moving_page(real, PROMPTS, fps=10))).n_frames == 10


def test_failures_are_explained_in_a_few_words(real, world):
    prompts = ["circle moving up-right", "circle expanding"]
    assert what_failed(score_clips(real, prompts, world)) == ["", "seen: shrinking"]


def test_a_path_that_trembles_is_told_from_one_that_strays():
    world = WorldConfig()
    frames = make_clips_for(world, prompts=["circle moving right"], seed=1).frames.copy()
    frames[:, ::2] = np.roll(frames[:, ::2], (1, 1), axis=(2, 3))  # every second frame lies 1 px off, both ways
    (note,) = what_failed(score_clips(frames, ["circle moving right"], world))
    assert note == "steps off by 1.4 px"


def test_a_gallery_holds_the_first_samples_of_every_prompt(tmp_path):
    world = WorldConfig(phrases=("moving down", "shrinking"), held_out=(HeldOut(tier="T1", phrase="moving right"),))

    def sampler(prompts, seed):
        return make_clips_for(world, prompts=prompts, seed=seed).frames

    config = EvaluationConfig(videos_per_prompt=2)
    written = write_gallery(tmp_path / "videos", sampler=sampler, world=world, config=config)
    assert len(written) == 3 * 2 * 3 + 3
    assert all(path.stat().st_size > 500 for path in written)
    none = EvaluationConfig(videos_per_prompt=0)
    assert not write_gallery(tmp_path / "none", sampler=sampler, world=world, config=none)


@pytest.mark.parametrize("caption", ["ü é ñ ß ł", "красный круг", "Ω", "دائرة"])
def test_letters_of_other_alphabets_are_drawn_and_not_replaced_by_boxes(caption: str) -> None:
    font = font_for(caption, 14)
    box = bytes(font.getmask("\ue000"))
    assert all(bytes(font.getmask(letter)) != box for letter in caption if letter != " ")


@pytest.mark.parametrize("caption", ["word " * 200, "字" * 300, "x" * 100_000])
def test_a_label_of_any_length_fits_its_row(real, caption: str) -> None:
    assert len(label_lines(caption)) <= 3
    short = contact_sheet(real, PROMPTS)
    long = contact_sheet(real, [caption, PROMPTS[1]])
    assert long.height == short.height
    assert long.width < short.width + 600
    with Image.open(io.BytesIO(moving_page(real, [caption, PROMPTS[1]], fps=10))) as page:
        assert page.width < 400
        assert page.height < 500
