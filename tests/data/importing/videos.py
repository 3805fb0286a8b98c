"""Small videos of every kind, made with PyAV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = NDArray[np.uint8]
CAPTIONS = ("a square, moving", "ein Quadrat", "正方形が動く", 'say "square" | <b>', "un carré\nbouge")


def moving_square(count: int = 12, *, width: int = 64, height: int = 64, seed: int = 0) -> Frames:
    """A coloured square that moves to the right on white, uint8 (count, height, width, 3)."""
    rng = np.random.default_rng(seed)
    colour, side = rng.integers(0, 200, 3), max(2, min(width, height) // 4)
    top, left = rng.integers(0, height - side + 1), int(rng.integers(0, 4))
    frames = np.full((count, height, width, 3), 255, np.uint8)
    for number, frame in enumerate(frames):
        x = (left + number) % max(1, width - side)
        frame[top : top + side, x : x + side] = colour
    return frames


def numbered(count: int, *, width: int = 64, height: int = 64) -> Frames:
    """Gray pictures. The level of each one tells its number: 10 levels per picture."""
    return np.repeat(np.arange(count, dtype=np.uint8) * 10, height * width * 3).reshape(count, height, width, 3)


def encoded(
    frames: Frames,
    *,
    format: str = "mp4",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    fps: int = 10,
    times: Sequence[float] | None = None,
    options: dict[str, str] | None = None,
    colour_space: str = "rgb24",
    pixel_aspect: int = 1,
) -> bytes:
    """A video file with the frames, uint8 (T, H, W, C), at `fps` or at the given seconds."""
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.sample_aspect_ratio = Fraction(pixel_aspect)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=colour_space)
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def folder_of_videos(folder: Path, *, count: int) -> Path:
    """So many MP4 files with a metadata.csv. Two videos share each caption, and some captions are hard to show."""
    folder.mkdir()
    rows = [("file_name", "caption")]
    for number in range(count):
        (folder / f"{number}.mp4").write_bytes(encoded(moving_square(seed=number)))
        rows.append((f"{number}.mp4", f"{CAPTIONS[number % 5]} {number // 2}"))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def webp(frames: Frames, *, milliseconds: int = 100) -> bytes:
    """An animated WebP of frames uint8 (T, H, W, 3 or 4), lossless."""
    return _animation(frames, "WEBP", milliseconds, lossless=True)


def gif(frames: Frames, *, milliseconds: int = 100) -> bytes:
    """An animated GIF of frames uint8 (T, H, W, 3 or 4)."""
    return _animation(frames, "GIF", milliseconds, disposal=2)


def sound() -> bytes:
    """An MP4 with a sound track only."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    return file.getvalue()


def turned(mp4: bytes, *, matrix: tuple[int, int, int, int]) -> bytes:
    """The same MP4 with the display matrix ((a, b), (c, d)), each -1, 0 or 1, in the header of its track."""
    content = bytearray(mp4)
    place = mp4.index(b"tkhd") + 4 + 40  # the matrix of a header of version 0
    for number, value in zip((0, 1, 3, 4), matrix, strict=True):
        content[place + 4 * number : place + 4 * number + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    return bytes(content)


def _animation(frames: Frames, format: str, milliseconds: int, **options: object) -> bytes:
    first, *others = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    first.save(file, format, save_all=True, append_images=others, duration=milliseconds, loop=0, **options)
    return file.getvalue()
