"""Clips as files that other programs play: MP4, GIF, AVI, a contact sheet and the raw frames."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.files import write_atomically
from data.worlds.prompts import prompt_slug
from evaluation.pictures.contact_sheet import contact_sheet
from evaluation.pictures.video_names import video_name
from evaluation.scoring.tracker import check_frames

Frames = NDArray[np.uint8]

FORMATS: tuple[str, ...] = ("mp4", "gif", "avi", "png", "npz")
CONTACT_SHEET = "contact-sheet.png"
CLIPS = "clips.npz"
_SIDE = 256


def write_videos(
    folder: Path,
    *,
    frames: Frames,
    prompts: Sequence[str],
    fps: int,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Write clips to `folder`, which is made if need be.

    MP4, GIF and AVI are one file per clip, `circle-moving-up-right-000.mp4`, numbered per prompt and enlarged to 256 px
    without smoothing; `contact-sheet.png` shows all clips, `clips.npz` holds `frames` (uint8, as given) and `prompts`.

    Args:
        folder: where to write.
        frames: uint8 (N, T, S, S, 3), RGB, N >= 1.
        prompts: N prompts.
        fps: frames per second.
        formats: any of `FORMATS`.

    Returns:
        the files written, in order.

    Raises:
        ValueError: for no clips, an unknown format, or lengths that do not agree.
        StorageError: if the folder cannot be written.
    """
    check_frames(frames)
    if len(frames) != len(prompts) or not len(frames):
        raise ValueError(
            f"videos need as many prompts as clips, and one at least: {len(frames)} clips, {len(prompts)} prompts"
        )
    for name in formats:
        if name not in FORMATS:
            raise ValueError(f"unknown video format {name!r}; choose from {', '.join(FORMATS)}")
    written: list[Path] = []
    encoders: dict[str, Callable[[Frames, int], bytes]] = {"mp4": encode_mp4, "gif": encode_gif, "avi": encode_avi}
    counter: Counter[str] = Counter()
    for clip, prompt in zip(frames, prompts, strict=True):
        slug = prompt_slug(prompt)
        for name in formats:
            if name in encoders:
                path = folder / video_name(prompt, counter[slug], name)
                write_atomically(path, encoders[name](clip, fps))
                written.append(path)
        counter[slug] += 1
    if "png" in formats:
        written.append(folder / CONTACT_SHEET)
        write_atomically(written[-1], encode_png(contact_sheet(frames, prompts)))
    if "npz" in formats:
        written.append(folder / CLIPS)
        write_atomically(written[-1], encode_npz(frames, prompts))
    return written


def enlarge(clip: Frames, *, side: int = _SIDE) -> Frames:
    """A clip (T, S, S, 3) enlarged without smoothing by the whole factor that fits into `side` px, to an even side."""
    factor = max(side // clip.shape[1], 1)
    large = clip.repeat(factor, axis=1).repeat(factor, axis=2)
    odd = large.shape[1] % 2  # H.264 with 4:2:0 colour wants even sides
    return np.pad(large, ((0, 0), (0, odd), (0, odd), (0, 0)), mode="edge") if odd else large


def encode_mp4(clip: Frames, fps: int) -> bytes:
    """H.264 in MP4 as every browser plays it (yuv420p, index in front) of a clip uint8 (T, S, S, 3)."""
    large = enlarge(clip)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"  # moving the index to the front means reading the file again
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": "16", "preset": "fast"})
            stream.width, stream.height, stream.pix_fmt = large.shape[2], large.shape[1], "yuv420p"
            stream.codec_context.thread_count = 1
            for picture in large:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def encode_gif(clip: Frames, fps: int, *, side: int = _SIDE) -> bytes:
    """An endless GIF of a clip uint8 (T, S, S, 3), enlarged like the others; its clock has 100 ticks a second."""
    return gif_of_images([Image.fromarray(picture) for picture in clip], fps, factor=max(side // clip.shape[1], 1))


def gif_of_images(pictures: Sequence[Image.Image], fps: int, *, factor: int = 1) -> bytes:
    """An endless GIF of RGB pictures of one size, enlarged by a whole factor, with one palette for all."""
    width, height = pictures[0].size
    column = Image.new("RGB", (width, height * len(pictures)))
    for k, picture in enumerate(pictures):
        column.paste(picture, (0, k * height))
    indexed = column.quantize(64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    large = (width * factor, height * factor)
    tiles = (indexed.crop((0, k * height, width, (k + 1) * height)) for k in range(len(pictures)))
    frames = [tile.resize(large, Image.Resampling.NEAREST) for tile in tiles]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0)
    return buffer.getvalue()


def encode_avi(clip: Frames, fps: int) -> bytes:
    """XVID in AVI, as the tutorial writes it, of a clip uint8 (T, S, S, 3)."""
    large = enlarge(clip)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.avi"  # OpenCV writes to named files only
        writer = cv2.VideoWriter(
            str(path), cv2.VideoWriter.fourcc(*"XVID"), float(fps), (large.shape[2], large.shape[1])
        )
        if not writer.isOpened():
            raise RuntimeError("this OpenCV cannot write XVID; install opencv-python-headless from PyPI")
        try:
            for picture in large:
                writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()
        return path.read_bytes()


def encode_png(picture: Image.Image) -> bytes:
    """The picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def encode_npz(frames: Frames, prompts: Sequence[str]) -> bytes:
    """A compressed `.npz` of `frames` uint8 (N, T, S, S, 3) and `prompts`, loadable without pickle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, frames=frames, prompts=np.array(list(prompts), dtype=np.str_))
    return buffer.getvalue()
