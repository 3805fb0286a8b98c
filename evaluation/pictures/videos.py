"""Clips as files in a folder: one video per clip, a contact sheet, and the raw frames.

Clips arrive in batches and are written at once. So memory holds two batches, however many clips there are: the one that
is written, and the next one while it is made.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from data.captions import prompt_slug
from data.files import atomic_path, write_atomically
from evaluation.pictures.contact_sheet import contact_sheet
from evaluation.pictures.encoders import Frames, encode_avi, encode_gif, encode_mp4, encode_png
from evaluation.pictures.video_files import video_name, videos_of

VIDEO_ENCODERS: dict[str, Callable[[Frames, float], bytes]] = {"mp4": encode_mp4, "gif": encode_gif, "avi": encode_avi}
FORMATS: tuple[str, ...] = (*VIDEO_ENCODERS, "png", "npz")
CONTACT_SHEET = "contact-sheet.png"
RAW_FRAMES = "clips.npz"
MOVING_PAGE = "all-prompts.gif"
SHEET_CLIPS_PER_PROMPT, SHEET_CLIPS = 16, 256
"""The contact sheet shows the first clips of each prompt, up to these numbers per prompt and in total."""


def write_videos(
    folder: Path,
    batches: Iterable[Frames],
    *,
    prompts: Sequence[str],
    fps: float,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Write clips to `folder`, which is created if needed.

    * MP4, GIF and AVI: one file per clip, `circle-moving-up-right-000.mp4`, numbered per prompt and enlarged to 256 px
      without smoothing. Videos that an earlier call wrote for the same prompts are deleted first; no other files are.
    * `contact-sheet.png` shows the first clips of each prompt.
    * `clips.npz` holds `frames` (uint8, as given) and `prompts`.

    Args:
        folder: where to write.
        batches: arrays uint8 (n, T, H, W, 3), RGB. Together they hold one clip per prompt, in the prompts' order.
        prompts: N prompts, N >= 1.
        fps: frames per second.
        formats: any of `FORMATS`.

    Returns:
        The files written, in order.

    Raises:
        ValueError: there are no clips, a format is unknown, or the numbers of clips and prompts differ.
        StorageError: the folder cannot be written.
    """
    if unknown := set(formats) - set(FORMATS):
        raise ValueError(f"unknown video format {', '.join(sorted(unknown))}; choose from {', '.join(FORMATS)}")
    slugs = [prompt_slug(prompt) for prompt in prompts]
    written: list[Path] = []
    sheet: list[tuple[str, Frames]] = []
    numbers: Counter[str] = Counter()
    with ExitStack() as stack:
        raw = None
        for place, clip in enumerate(_one_by_one(batches, count=len(prompts))):
            if place == 0:
                for prompt in dict.fromkeys(prompts):
                    for old in videos_of(folder, prompt, *VIDEO_ENCODERS):
                        old.unlink()
                if "npz" in formats:
                    raw = stack.enter_context(_raw_frames(folder / RAW_FRAMES, prompts=prompts, shape=clip.shape))
            number = numbers[slugs[place]]
            numbers[slugs[place]] += 1
            for name in formats:
                if name in VIDEO_ENCODERS:
                    path = folder / video_name(prompts[place], number, name)
                    write_atomically(path, VIDEO_ENCODERS[name](clip, fps))
                    written.append(path)
            if number < SHEET_CLIPS_PER_PROMPT and len(sheet) < SHEET_CLIPS:
                sheet.append((prompts[place], clip.copy()))
            if raw is not None:
                raw.write(np.ascontiguousarray(clip).data)
    if "png" in formats:
        written.append(folder / CONTACT_SHEET)
        page = contact_sheet(np.stack([clip for _, clip in sheet]), [prompt for prompt, _ in sheet])
        write_atomically(written[-1], encode_png(page))
    if "npz" in formats:
        written.append(folder / RAW_FRAMES)
    return written


def write_pictures(folder: Path, *, sheet: Image.Image, page: bytes) -> list[Path]:
    """Write the contact sheet and the moving page of an evaluation to `folder`. Returns the files written.

    Raises:
        StorageError: the folder cannot be written.
    """
    contents = {folder / CONTACT_SHEET: encode_png(sheet), folder / MOVING_PAGE: page}
    for path, content in contents.items():
        write_atomically(path, content)
    return list(contents)


def _one_by_one(batches: Iterable[Frames], *, count: int) -> Iterator[Frames]:
    """The clips of all batches. Raises ValueError unless there are exactly `count` of them, and at least one."""
    seen = 0
    for batch in batches:
        if batch.dtype != np.uint8 or batch.ndim != 5 or batch.shape[-1] != 3:
            raise ValueError(f"clips must be uint8 (n, T, H, W, 3), not {batch.dtype} {batch.shape}")
        seen += len(batch)
        if seen > count:
            break
        yield from batch
    if seen != count or not seen:
        raise ValueError(f"videos need one prompt per clip and at least one clip: {seen} clips, {count} prompts")


@contextmanager
def _raw_frames(path: Path, *, prompts: Sequence[str], shape: tuple[int, ...]) -> Iterator[IO[bytes]]:
    """An `.npz` file at `path` that holds the prompts already, open for the bytes of N clips of this shape."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("prompts.npy", "w") as file:
            np.lib.format.write_array(file, np.array(list(prompts), dtype=np.str_), allow_pickle=False)
        with archive.open("frames.npy", "w", force_zip64=True) as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(prompts), *shape)}
            np.lib.format.write_array_header_1_0(file, header)
            yield file
