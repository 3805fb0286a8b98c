"""Clips as bytes of MP4, GIF and AVI files, and pictures as PNG."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = NDArray[np.uint8]

_SIDE = 256
_GIF_TICKS = 100  # per second: a GIF counts its delays in hundredths of a second
_DRAWN_COLOURS = 4096  # more than drawn shapes have with their soft edges, fewer than most real videos
_SHORTEST_DELAY = 2  # ticks: browsers stretch a delay of 1 tick to 10


def enlarge(clip: Frames, *, side: int = _SIDE) -> Frames:
    """Enlarge a clip (T, H, W, 3) without smoothing, by the largest whole factor that fits `side` px.

    Odd sides get one more pixel, because H.264 with 4:2:0 colour needs even sides.
    """
    factor = _factor(clip, side)
    large = clip.repeat(factor, axis=1).repeat(factor, axis=2)
    odd = [length % 2 for length in large.shape[1:3]]
    return np.pad(large, ((0, 0), (0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else large


def _factor(clip: Frames, side: int) -> int:
    """The largest whole factor by which a clip (T, H, W, 3) can be enlarged so that it fits `side` px. At least 1."""
    return max(side // int(max(clip.shape[1:3])), 1)


def encode_mp4(clip: Frames, fps: float) -> bytes:
    """A clip uint8 (T, H, W, 3) as H.264 in MP4. Every browser plays it (yuv420p, with the index in front)."""
    large = enlarge(clip)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"  # to move the index to the front, the muxer reads the file again
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream(
                "libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": "16", "preset": "fast"}
            )
            stream.width, stream.height, stream.pix_fmt = large.shape[2], large.shape[1], "yuv420p"
            stream.codec_context.thread_count = 1
            for picture in large:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def encode_avi(clip: Frames, fps: float) -> bytes:
    """A clip uint8 (T, H, W, 3) as XVID in AVI, the format of the tutorial."""
    large = enlarge(clip)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.avi"  # OpenCV writes to named files only
        fourcc = cv2.VideoWriter.fourcc(*"XVID")
        writer = cv2.VideoWriter(str(path), fourcc, float(fps), (large.shape[2], large.shape[1]))
        if not writer.isOpened():
            raise RuntimeError("This OpenCV cannot write XVID. Install opencv-python-headless from PyPI.")
        try:
            for picture in large:
                writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()
        return path.read_bytes()


def encode_gif(clip: Frames, fps: float) -> bytes:
    """A clip uint8 (T, H, W, 3) as an endless GIF, enlarged like the other formats."""
    return gif_of_images([Image.fromarray(picture) for picture in clip], fps, factor=_factor(clip, _SIDE))


def gif_of_images(pictures: Sequence[Image.Image], fps: float, *, factor: int = 1) -> bytes:
    """An endless GIF of RGB pictures of one size, enlarged by a whole factor, with one palette for all of them.

    The GIF plays as long as the clip, to a hundredth of a second. Above 50 fps it shows fewer pictures, because a
    browser cannot show one for less than 20 ms.
    """
    shown, delays = gif_timing(len(pictures), fps)
    width, height = pictures[0].size
    column = Image.new("RGB", (width, height * len(shown)))
    for k, number in enumerate(shown):
        column.paste(pictures[number], (0, k * height))
    colours = 64 if column.getcolors(_DRAWN_COLOURS) else 256  # None: there are more
    indexed = column.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    large = (width * factor, height * factor)
    tiles = (indexed.crop((0, k * height, width, (k + 1) * height)) for k in range(len(shown)))
    frames = [tile.resize(large, Image.Resampling.NEAREST) for tile in tiles]
    buffer = io.BytesIO()
    milliseconds = [1000 // _GIF_TICKS * delay for delay in delays]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def gif_timing(count: int, fps: float) -> tuple[list[int], list[int]]:
    """The numbers of the frames that a GIF of `count` frames shows, and their delays in hundredths of a second.

    Each frame starts at its exact time, rounded to a tick. So rounding errors do not add up.
    """
    starts = [int((2 * _GIF_TICKS * number + fps) // (2 * fps)) for number in range(count + 1)]
    end = max(starts.pop(), _SHORTEST_DELAY)
    shown: list[int] = []
    for number, start in enumerate(starts):
        room = end - start >= _SHORTEST_DELAY
        if not shown or (room and start - starts[shown[-1]] >= _SHORTEST_DELAY):
            shown.append(number)
    edges = [*(starts[number] for number in shown), end]
    return shown, [after - before for before, after in pairwise(edges)]


def encode_png(picture: Image.Image) -> bytes:
    """The picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
