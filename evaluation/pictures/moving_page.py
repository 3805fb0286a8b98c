"""One GIF in which a clip of every prompt plays over its prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.captions import one_line
from evaluation.pictures.contact_sheet import FAILED, INK, LINE
from evaluation.pictures.encoders import gif_of_images
from evaluation.pictures.labels import MOST_LETTERS, Font, font_for

_COLUMNS = 5
_TILE = 128
_LINE = 15
_GAP = 12


def moving_page(
    frames: NDArray[np.uint8], prompts: Sequence[str], *, fps: float, passed: Sequence[bool] | None = None
) -> bytes:
    """A GIF in which all clips play side by side, each over its prompt. Clips that fail have a red edge.

    Args:
        frames: uint8 (N, T, H, W, 3), N >= 1.
        prompts: N captions. Long ones are shortened.
        fps: frames per second.
        passed: for each clip, whether it does what its prompt says.

    Raises:
        ValueError: there are no clips, or the numbers of clips and prompts differ.
    """
    if not len(frames) or len(frames) != len(prompts):
        raise ValueError(
            f"a page needs one prompt per clip and at least one clip: {len(frames)} clips, {len(prompts)} prompts"
        )
    columns = min(_COLUMNS, len(frames))
    rows = -(-len(frames) // columns)
    texts = [one_line(prompt, MOST_LETTERS) for prompt in prompts]
    fonts = [font_for(text, 13) for text in texts]
    captions = [_caption_lines(text, font) for text, font in zip(texts, fonts, strict=True)]
    caption = 6 + _LINE * max(2, *(len(lines) for lines in captions))
    height, width = frames.shape[2:4]
    tile = (round(_TILE * width / max(height, width)), round(_TILE * height / max(height, width)))
    page = Image.new("RGB", (columns * (_TILE + _GAP) + _GAP, rows * (tile[1] + caption + _GAP) + _GAP), "white")
    corners = [
        (_GAP + k % columns * (_TILE + _GAP) + (_TILE - tile[0]) // 2, _GAP + k // columns * (tile[1] + caption + _GAP))
        for k in range(len(frames))
    ]
    draw = ImageDraw.Draw(page)
    for k, ((x, y), lines) in enumerate(zip(corners, captions, strict=True)):
        edge = LINE if passed is None or passed[k] else FAILED
        draw.rectangle((x - 1, y - 1, x + tile[0], y + tile[1]), outline=edge, width=1 if edge == LINE else 2)
        for line, text in enumerate(lines):
            draw.text((x + tile[0] / 2, y + tile[1] + 11 + _LINE * line), text, INK, fonts[k], anchor="mm")
    pictures = []
    for t in range(frames.shape[1]):
        picture = page.copy()
        for corner, clip in zip(corners, frames, strict=True):
            picture.paste(Image.fromarray(clip[t]).resize(tile, Image.Resampling.NEAREST), corner)
        pictures.append(picture)
    return gif_of_images(pictures, fps)


def _caption_lines(prompt: str, font: Font) -> list[str]:
    """The prompt in one line if it fits a tile, else in two lines of similar length, else in as many as needed."""
    room = _TILE + _GAP // 2
    if font.getlength(prompt) <= room:
        return [prompt]
    words = [part for word in prompt.split() for part in _parts(word, font, room)]
    if len(words) < 2:
        return words
    breaks = [[" ".join(words[:k]), " ".join(words[k:])] for k in range(1, len(words))]
    two = min(breaks, key=lambda pair: max(font.getlength(line) for line in pair))
    if max(font.getlength(line) for line in two) <= room:
        return two
    lines = words[:1]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if font.getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _parts(word: str, font: Font, room: float) -> list[str]:
    """The word in parts that fit: text without spaces, as in Chinese, is one long word."""
    parts = [word[:1]]
    for letter in word[1:]:
        if font.getlength(parts[-1] + letter) <= room:
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts
