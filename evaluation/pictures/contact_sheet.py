"""Clips on one sheet: one row per clip, its frames from left to right, and the real clip beside the generated one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from evaluation.pictures.labels import Font, font_for, label_lines, plain_font

Frames = NDArray[np.uint8]

INK = (32, 33, 36)
QUIET = (120, 124, 130)
LINE = (218, 220, 224)
PASSED = (26, 127, 55)
FAILED = (200, 30, 30)
FAILED_PAPER = (255, 240, 239)
_GAP = 2
_MARGIN = 10
_BAND = 18
_CELL = 64
_HEADING = _MARGIN + 24


def contact_sheet(
    frames: Frames,
    prompts: Sequence[str],
    *,
    real: Frames | None = None,
    passed: Sequence[bool] | None = None,
    notes: Sequence[str] | None = None,
) -> Image.Image:
    """A labelled sheet with one row per clip.

    Args:
        frames: uint8 (N, T, H, W, 3), N >= 1. Low frames are enlarged, so that labels fit.
        prompts: N labels. Equal labels in consecutive rows are written once, and long ones are shortened.
        real: uint8 (N, T, H, W, 3), clips to show to the right of the generated ones.
        passed: for each clip, whether it does what its prompt says. Failures are marked in red.
        notes: for each clip, a few words under its label, for example what was seen instead.

    Raises:
        ValueError: there are no clips, or the lengths do not agree.
    """
    if frames.ndim != 5 or not len(frames):
        raise ValueError(f"a contact sheet needs clips of shape (N, T, H, W, 3) with N >= 1, not {frames.shape}")
    for name, values in (("prompts", prompts), ("passed", passed), ("notes", notes)):
        if values is not None and len(values) != len(frames):
            raise ValueError(f"{len(frames)} clips, but {len(values)} {name}")
    if real is not None and real.shape != frames.shape:
        raise ValueError(f"the real clips have the shape {real.shape}, the generated ones {frames.shape}")
    frames, real = _enlarge_to_cell(frames), None if real is None else _enlarge_to_cell(real)
    count, number, size, width = frames.shape[:4]
    small = plain_font(12)
    labels = [label_lines(prompt) for prompt in prompts]
    fonts = [font_for("".join(lines), 14) for lines in labels]
    lengths = [font.getlength(line) for font, lines in zip(fonts, labels, strict=True) for line in lines]
    lengths += [plain_font(14).getlength(note) for note in notes or ()]
    strip = number * (width + _GAP) - _GAP
    left = _MARGIN + int(max(lengths)) + (44 if passed is not None else 20)
    right = left + strip + _BAND
    whole = (left if real is None else right) + strip + _MARGIN
    sheet = Image.new("RGB", (whole, _HEADING + count * (size + 6) + _MARGIN - 6), "white")
    draw = ImageDraw.Draw(sheet)
    headings = [(left, "")] if real is None else [(left, "generated: "), (right, "real: ")]
    for x, title in headings:
        draw.text((x, _MARGIN + 8), f"{title}frames 1 to {number}", QUIET, small, anchor="lm")
    for n, prompt in enumerate(prompts):
        top = _HEADING + n * (size + 6)
        failed = passed is not None and not passed[n]
        new_prompt = n == 0 or prompt != prompts[n - 1]
        if failed:
            draw.rectangle((_MARGIN - 6, top - 3, left + strip + 4, top + size + 2), fill=FAILED_PAPER)
        if n and new_prompt:
            draw.line((_MARGIN, top - 3, whole - _MARGIN, top - 3), fill=LINE)
        _strip(sheet, frames[n], left, top, failed=failed)
        if real is not None:
            _strip(sheet, real[n], right, top)
        words: list[tuple[str, Font, tuple[int, int, int]]] = (
            [(line, fonts[n], INK) for line in labels[n]] if new_prompt else []
        )
        if notes is not None and notes[n]:
            words.append((notes[n], small, FAILED if failed else QUIET))
        for k, (text, face, colour) in enumerate(words):
            draw.text((_MARGIN, top + size / 2 + 17 * (k - (len(words) - 1) / 2)), text, colour, face, anchor="lm")
        if passed is not None:
            _mark(draw, left - 20, top + size // 2, passed=bool(passed[n]))
    return sheet


def _enlarge_to_cell(frames: Frames) -> Frames:
    """Enlarge frames by a whole factor, so that they are at least as high as a label."""
    factor = -(-_CELL // frames.shape[2])
    return np.asarray(frames.repeat(factor, axis=2).repeat(factor, axis=3))


def _strip(sheet: Image.Image, clip: Frames, left: int, top: int, *, failed: bool = False) -> None:
    import torch
    from torchvision.transforms.v2.functional import to_pil_image  # type: ignore[import-untyped]
    from torchvision.utils import make_grid  # type: ignore[import-untyped]

    frames = torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2)))  # (T, 3, H, W)
    strip = to_pil_image(make_grid(frames, nrow=len(frames), padding=_GAP, pad_value=LINE[0]))
    corner = (left - _GAP, top - _GAP)
    sheet.paste(strip, corner)
    if failed:
        end = (corner[0] + strip.width - 1, corner[1] + strip.height - 1)
        ImageDraw.Draw(sheet).rectangle((*corner, *end), outline=FAILED, width=_GAP)


def _mark(draw: ImageDraw.ImageDraw, x: int, y: int, *, passed: bool) -> None:
    """Draw a tick or a cross. They are drawn as lines, because some fonts lack these characters."""
    if passed:
        draw.line(((x, y), (x + 4, y + 5), (x + 12, y - 5)), fill=PASSED, width=3, joint="curve")
    else:
        draw.line((x, y - 5, x + 10, y + 5), fill=FAILED, width=3)
        draw.line((x, y + 5, x + 10, y - 5), fill=FAILED, width=3)
