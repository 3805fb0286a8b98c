"""The pictures of an evaluation: videos of the samples, a contact sheet, a moving page of all prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from data.files import write_atomically
from data.selection import evenly_spread
from data.worlds.clips import make_clips_for
from data.worlds.pairs import CONJUNCTION
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.pictures.contact_sheet import FAILED, INK, LINE, contact_sheet, wrap
from evaluation.pictures.videos import CONTACT_SHEET, encode_png, gif_of_images, write_videos
from evaluation.report.report import Sampler, draw_samples
from evaluation.scoring.metrics import ClipScores, score_clips
from evaluation.scoring.motion_fit import NO_MOTION

Frames = NDArray[np.uint8]

MOVING_PAGE = "all-prompts.gif"
_COLUMNS = 5
_TILE = 128
_LINE = 15
_GAP = 12


def write_gallery(folder: Path, *, sampler: Sampler, world: WorldConfig, config: EvaluationConfig) -> list[Path]:
    """Write the first `config.videos_per_prompt` samples of prompts to `folder`, and two pages of the first.

    Shown are `config.shown_prompts` of each tier at most, evenly spread.

    They are the samples that `evaluate` scores with the same sampler and config, in order, none left out: `*.mp4`,
    `*.gif`, `*.avi` and `clips.npz` of all, `contact-sheet.png` (real clips beside them, failures marked) and
    `all-prompts.gif` of the first.

    Returns:
        the files written; none if no videos are asked for.

    Raises:
        ValueError: the sampler returned frames of another shape.
        StorageError: the folder cannot be written.
    """
    count = config.videos_per_prompt
    if count == 0:
        return []
    prompts = [prompt for members in world.tiers.values() for prompt in evenly_spread(members, config.shown_prompts)]
    clips = [draw_samples(sampler, prompt, count=count, seed=config.seed, world=world) for prompt in prompts]
    written = write_videos(
        folder,
        frames=np.concatenate(clips),
        prompts=[prompt for prompt in prompts for _ in range(count)],
        fps=world.fps,
        formats=("mp4", "gif", "avi", "npz"),
    )
    first = np.stack([samples[0] for samples in clips])
    scores = score_clips(first, prompts, world)
    sheet = contact_sheet(
        first,
        prompts,
        real=make_clips_for(world, prompts=prompts, seed=config.seed).frames,
        passed=scores.joint.tolist(),
        notes=what_failed(scores),
    )
    pages = {
        CONTACT_SHEET: encode_png(sheet),
        MOVING_PAGE: moving_page(first, prompts, fps=world.fps, passed=scores.joint.tolist()),
    }
    for name, content in pages.items():
        write_atomically(folder / name, content)
    return [*written, *(folder / name for name in pages)]


def what_failed(scores: ClipScores) -> list[str]:
    """A few words per clip: what keeps it from joint exact; empty for clips that pass."""
    notes = []
    for n in range(len(scores.prompts)):
        if not scores.count_ok[n] and scores.count[n]:
            objects = "object" if scores.count[n] == 1 else "objects"
            notes.append(f"seen: {scores.count[n]} {objects}")
        elif not scores.motion_ok[n]:
            still = set(scores.predicted[n].split(CONJUNCTION)) == {NO_MOTION}
            notes.append("seen: no motion" if still else f"seen: {scores.predicted[n]}")
        elif not scores.permanence_ok[n]:
            notes.append(f"whole in {100 * scores.permanence[n]:.0f} % of frames")
        elif not scores.shape_ok[n]:
            notes.append(f"shape IoU {scores.shape_iou[n]:.2f}")
        else:
            notes.append("" if scores.colour_ok[n] else "wrong colour")
    return notes


def moving_page(frames: Frames, prompts: Sequence[str], *, fps: int, passed: Sequence[bool] | None = None) -> bytes:
    """One GIF in which all clips play side by side, each over its prompt; clips that fail have a red edge.

    Args:
        frames: uint8 (N, T, S, S, 3), N >= 1.
        prompts: N captions.
        fps: frames per second.
        passed: per clip, whether it does what its prompt says.
    """
    if not len(frames) or len(frames) != len(prompts):
        raise ValueError(
            f"a page needs a prompt per clip and one clip at least: {len(frames)} clips, {len(prompts)} prompts"
        )
    columns = min(_COLUMNS, len(frames))
    rows = -(-len(frames) // columns)
    font = ImageFont.load_default(13)
    captions = [_lines(prompt, font) for prompt in prompts]
    caption = 6 + _LINE * max(2, *(len(lines) for lines in captions))
    page = Image.new("RGB", (columns * (_TILE + _GAP) + _GAP, rows * (_TILE + caption + _GAP) + _GAP), "white")
    places = [
        (_GAP + k % columns * (_TILE + _GAP), _GAP + k // columns * (_TILE + caption + _GAP))
        for k in range(len(frames))
    ]
    draw = ImageDraw.Draw(page)
    for k, ((x, y), lines) in enumerate(zip(places, captions, strict=True)):
        edge = LINE if passed is None or passed[k] else FAILED
        draw.rectangle((x - 1, y - 1, x + _TILE, y + _TILE), outline=edge, width=1 if edge == LINE else 2)
        for line, text in enumerate(lines):
            draw.text((x + _TILE / 2, y + _TILE + 11 + _LINE * line), text, INK, font, anchor="mm")
    pictures = []
    for t in range(frames.shape[1]):
        picture = page.copy()
        for (x, y), clip in zip(places, frames, strict=True):
            picture.paste(Image.fromarray(clip[t]).resize((_TILE, _TILE), Image.Resampling.NEAREST), (x, y))
        pictures.append(picture)
    return gif_of_images(pictures, fps)


def _lines(prompt: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The prompt in one line if it fits a tile, else in two of like length, else in as many as it takes."""
    words = prompt.split()
    room = _TILE + _GAP // 2
    if font.getlength(prompt) <= room or len(words) < 2:
        return [prompt]
    breaks = [[" ".join(words[:k]), " ".join(words[k:])] for k in range(1, len(words))]
    two = min(breaks, key=lambda pair: max(font.getlength(line) for line in pair))
    if max(font.getlength(line) for line in two) <= room:
        return two
    return wrap(prompt, lambda line: font.getlength(line) <= room)
