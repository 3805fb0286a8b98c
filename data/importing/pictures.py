"""Videos as pictures with times, from every kind of file, upright and in memory one at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from data.importing.item import UnusableError

LARGEST_PIXELS = 8192 * 4320
"""Pixels of the largest picture: 8K, in the format of cinemas."""
SMALLEST_SIDE = 8
"""Pixels of the shortest side. Fewer of them show nothing that could be described."""
LONGEST_SIDES = 32
"""The longer side has at most so many times the pixels of the shorter one."""
_ROWS = 64
_FORMATS = "mov,matroska,avi,gif"  # no playlists: they would make the decoder open other files and addresses
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders of WebM leave transparency out

_DAMAGE = (
    *(av.error.FFmpegError, OSError, ValueError, EOFError, ArithmeticError),
    *(SyntaxError, Image.DecompressionBombError),  # Pillow's
)


@dataclass(frozen=True, slots=True)
class Frames:
    """A video without a file: uint8 (T, H, W, 3), and frames per second, None if nobody knows them."""

    pictures: NDArray[np.uint8]
    fps: float | None


class Picture(NamedTuple):
    """One picture of a video."""

    frame: av.VideoFrame
    time: float
    """Seconds at which it appears, in the video's own clock."""
    lasts: float
    """Seconds for which it is shown if no other one follows."""


@dataclass(frozen=True, slots=True)
class Video:
    """An opened video. `pictures` can be read once."""

    pictures: Iterator[Picture]
    seconds: float | None
    """Length as the file tells it. None: it does not."""
    tick: float
    """Seconds between two times that the file can tell apart."""
    pixel_aspect: float
    """Width of a pixel divided by its height."""
    fps: float | None
    """Mean number of pictures per second as the file tells it."""


@contextmanager
def opened(source: Path | bytes | Frames, *, fps: float) -> Iterator[Video]:
    """Open a video.

    Args:
        source: a file, its content, or frames.
        fps: the rate of `Frames` that do not know theirs.

    Raises:
        UnusableError: it is no video, too large, or damaged. Also reading `pictures` raises it.
    """
    if isinstance(source, Frames):
        yield _of_frames(source, fps)
        return
    try:
        if _is_webp(source):
            with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
                check_size(*image.size)
                yield Video(_of_webp(image), None, 0.001, 1.0, None)
            return
        with av.open(
            str(source) if isinstance(source, Path) else io.BytesIO(source), options={"format_whitelist": _FORMATS}
        ) as container:
            yield _of_container(container)
    except UnusableError:
        raise
    except _DAMAGE as error:
        raise UnusableError(
            "damaged", f"cannot be read as a video ({_plain(error)}). Copy or convert it again."
        ) from error
    except MemoryError as error:
        raise UnusableError("too large", "needs more memory than there is. Make it smaller.") from error


def check_size(width: int, height: int) -> None:
    """Check that pictures of `width` x `height` px can be used.

    Raises:
        UnusableError: they are too small, too large, or too narrow.
    """
    size = f"is {width} x {height} px, and"
    if min(width, height) < SMALLEST_SIDE:
        raise UnusableError("too small", f"{size} the shorter side needs {SMALLEST_SIDE} px. Use a larger video.")
    if width * height > LARGEST_PIXELS:
        raise UnusableError("too large", f"{size} a picture may have {LARGEST_PIXELS:,} pixels. Make it smaller.")
    if max(width, height) > LONGEST_SIDES * min(width, height):
        raise UnusableError("too large", f"{size} one side may be {LONGEST_SIDES} times the other one. Cut it.")


def on_white(picture: Image.Image) -> NDArray[np.uint8]:
    """Return a picture as uint8 (H, W, 3), RGB. Transparent parts become white."""
    if not picture.has_transparency_data:
        return np.asarray(picture.convert("RGB"), dtype=np.uint8)
    return blended(np.asarray(picture.convert("RGBA"), dtype=np.uint8))


def blended(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (H, W, 3): the colours of `rgba` uint8 (H, W, 4) over white, weighted by their opacity."""
    result = np.empty((*rgba.shape[:2], 3), np.uint8)
    for top in range(0, len(rgba), _ROWS):  # the numbers of 16 bits need several times the memory
        rows = rgba[top : top + _ROWS]
        alpha = rows[..., 3:].astype(np.uint16)
        result[top : top + _ROWS] = (rows[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return result


def turn_of(frame: av.VideoFrame) -> tuple[int, bool]:
    """Return how a picture must be shown: quarter turns counter-clockwise, after mirroring it left to right or not.

    The file's display matrix decides: phones store pictures as the sensor saw them.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(float)
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return int(np.rint(np.arctan2(-b, a) / (np.pi / 2))) % 4, bool(mirrored)


def _of_container(container: Any) -> Video:
    if not container.streams.video:
        other = "sound only" if container.streams.audio else "no pictures"
        raise UnusableError("no video", f"holds {other}. Name a file with a video track.")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise UnusableError("no video", "has a video track of an unknown kind. Convert it to MP4.")
    if context.width and context.height:
        check_size(context.width, context.height)
    if stream.metadata.get("alpha_mode") == "1" and context.name in _ALPHA_DECODERS:
        context = av.CodecContext.create(_ALPHA_DECODERS[context.name], "r")
    context.options = {"max_pixels": str(LARGEST_PIXELS)}  # a damaged header may claim more than memory holds
    context.thread_type, context.thread_count = "SLICE", 1  # small files: starting threads takes longer than decoding
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    tick = float(stream.time_base or 0)
    length = stream.duration * tick if stream.duration else (container.duration or 0) / av.time_base
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    return Video(_decoded(container, stream, context, 1 / rate, tick), length or None, tick, aspect, rate)


def _decoded(container: Any, stream: Any, context: Any, lasts: float, tick: float) -> Iterator[Picture]:
    time = -lasts
    native = context is stream.codec_context
    frames = (
        container.decode(stream)
        if native
        else (frame for packet in container.demux(stream) for frame in context.decode(packet))
    )
    for frame in frames:
        time = time + lasts if frame.pts is None else frame.pts * tick
        yield Picture(frame, time, frame.duration * tick or lasts)


def _of_webp(image: Image.Image) -> Iterator[Picture]:
    time = 0.0
    for frame in ImageSequence.Iterator(image):
        picture = on_white(frame)
        lasts = frame.info.get("duration", 0) / 1000 or 0.1  # browsers show pictures without a duration for 0.1 s
        yield Picture(av.VideoFrame.from_ndarray(picture, format="rgb24"), time, lasts)
        time += lasts


def _of_frames(source: Frames, fps: float) -> Video:
    rate = source.fps or fps
    check_size(source.pictures.shape[2], source.pictures.shape[1])
    pictures = (
        Picture(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"), number / rate, 1 / rate)
        for number, picture in enumerate(source.pictures)
    )
    return Video(pictures, len(source.pictures) / rate, 1e-6, 1.0, rate)


def _is_webp(source: Path | bytes) -> bool:
    if isinstance(source, Path):
        with source.open("rb") as file:
            start = file.read(12)
    else:
        start = source[:12]
    return start[:4] == b"RIFF" and start[8:] == b"WEBP"


def _plain(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
