"""Videos as clips: the frames at equal steps of time, cut or padded to one shape."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from data.importing.config import ImportConfig
from data.importing.item import UnusableError
from data.importing.pictures import Frames, Picture, Video, blended, check_size, opened, turn_of

MOST_BYTES = 2**29
"""Bytes of frames that the clips of one video may have. They stand in memory until the video is read to its end."""
MOST_PICTURES = 2_000_000
"""Pictures that are decoded of one video, at most: 9 hours at 60 per second."""


@dataclass(frozen=True, slots=True)
class Clips:
    """The clips of one video."""

    frames: NDArray[np.uint8]
    """uint8 (N, T, H, W, 3), RGB, N >= 1."""
    starts: tuple[float, ...]
    """Seconds from the beginning of the video to the beginning of each clip."""
    seconds: float
    """Length of the video."""
    width: int
    """Width of the video in px, as it is shown."""
    height: int
    """Height of the video in px, as it is shown."""
    fps: float
    """Mean number of the video's pictures per second."""


def decode(source: Path | bytes | Frames, config: ImportConfig) -> Clips:
    """Cut a video into clips.

    Frame k of a clip is the picture that is shown `k / config.rate` seconds after the clip's beginning. So a video with
    varying times between pictures keeps its speed. The video begins with its first picture, whatever its time is.
    A clip is complete if the video lasts until its last frame is due; one picture of the video may be missing.

    Args:
        source: a video file, its content, or frames.
        config: shape and rate of the clips, and how many.

    Returns:
        All clips. The video is read only as far as they need.

    Raises:
        UnusableError: the video is damaged, too large, or too short for a clip.
    """
    with opened(source, fps=config.rate) as video:
        return _Cutter(config, video).clips()


class _Cutter:
    """Collects the frames of the clips while the pictures of a video pass by."""

    def __init__(self, config: ImportConfig, video: Video) -> None:
        self.config, self.video = config, video
        self.end = 0.0  # seconds from the first picture to the end of the last one that was read
        self.most = max(1, MOST_BYTES // (config.frames * config.height * config.width * 3))
        if config.step and video.seconds:
            self.check_number(int((video.seconds - config.seconds) / config.step) + 1)

    def clips(self) -> Clips:
        config, step = self.config, self.config.step
        fitter = _Fitter(config, self.video.pixel_aspect)
        done: list[NDArray[np.uint8]] = []
        begun: deque[list[NDArray[np.uint8]]] = deque()  # clips without their last frames; they overlap
        pictures = 0
        due = 0.0  # seconds at which the next picture is needed
        for picture, until in self.shown():
            pictures += 1
            if until <= due:
                continue
            image: NDArray[np.uint8] | None = None
            while (number := len(done) + len(begun)) * (step or 0) < until and (step or not number):
                self.check_number(number - config.frames)
                begun.append([])
            for place, clip in enumerate(begun, start=len(done)):
                while len(clip) < config.frames and place * (step or 0) + len(clip) / config.rate < until:
                    image = fitter.fitted(picture.frame) if image is None else image
                    clip.append(image)
            while begun and len(begun[0]) == config.frames:
                done.append(np.stack(begun.popleft()))
            if done and not step and self.video.seconds:  # otherwise, only the last picture tells the length
                break
            next_clip = (len(done) + len(begun)) * step if step else inf
            due = min(
                next_clip,
                *(place * (step or 0) + len(clip) / config.rate for place, clip in enumerate(begun, len(done))),
                inf,
            )
        if not pictures:
            raise UnusableError("damaged", "holds no picture that can be decoded. Copy or convert it again.")
        seconds = self.video.seconds or self.end
        if pictures == 1:
            raise UnusableError("too short", f"holds a single picture, and a clip needs {config.seconds:g} s of video.")
        if not done:
            raise UnusableError(
                "too short",
                f"is too short: it lasts {min(seconds, self.end):.2f} s, and a clip needs {config.seconds:g} s "
                f"({config.frames} frames at {config.rate:g} per second). Use a longer video or fewer frames.",
            )
        return Clips(
            np.stack(done),
            tuple(place * (step or 0.0) for place in range(len(done))),
            seconds,
            *fitter.size,
            self.video.fps or pictures / self.end,
        )

    def shown(self) -> Iterator[tuple[Picture, float]]:
        """Yield each picture with the seconds at which it disappears, counted from the first picture.

        Files round times to whole ticks, so that a picture counts half a tick earlier. The last picture may stand for
        one more, which is missing.
        """
        early = 0.5 * self.video.tick + 1e-6
        before: Picture | None = None
        first = 0.0
        for number, picture in enumerate(self.video.pictures):
            if number == MOST_PICTURES:
                raise UnusableError("too large", f"has more than {MOST_PICTURES:,} pictures. Cut it beforehand.")
            if before is None:
                first = picture.time
            else:
                yield before, picture.time - first - early
            before = picture
        if before is not None:
            self.end = before.time - first + before.lasts
            missing = min(before.lasts, 1 / self.config.rate)
            yield before, self.end + missing - early

    def check_number(self, clips: int) -> None:
        if clips > self.most:
            raise UnusableError(
                "too large",
                f"would be cut into more than {self.most:,} clips. Choose a longer stride, or cut it beforehand.",
            )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is done to each picture of one size and pixel format, in this order."""

    blend: bool
    inner: tuple[int, int]
    """Height and width in px after scaling."""
    shape: tuple[int, int]
    """Height and width in px after cutting or padding."""
    mirrored: bool
    turns: int
    interpolation: Interpolation


class _Fitter:
    """Brings pictures to the shape of the clips."""

    def __init__(self, config: ImportConfig, pixel_aspect: float) -> None:
        self.config, self.pixel_aspect = config, pixel_aspect
        self.reformatter = VideoReformatter()
        self.key: tuple[int, int, str] | None = None
        self.size = (0, 0)
        """Width and height in px of the last picture, as it is shown."""

    def fitted(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Return uint8 (H, W, 3)."""
        if frame.is_corrupt:
            raise UnusableError("damaged", "has a damaged picture. Copy or download it again.")
        key = (frame.width, frame.height, frame.format.name)
        if key != self.key:
            self.plan, self.key = self.planned(frame), key
        plan = self.plan
        if plan.blend:  # before scaling, or else the colours of transparent pixels would show at edges
            frame = av.VideoFrame.from_ndarray(blended(self.scaled(frame, frame.height, frame.width, "rgba")))
        picture = self.scaled(frame, *plan.inner, "rgb24")
        if plan.inner != plan.shape:
            picture = _centred(picture, *plan.shape)
        if plan.mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, plan.turns) if plan.turns else picture

    def planned(self, frame: av.VideoFrame) -> _Plan:
        turns, mirrored = turn_of(frame)
        high, wide = float(frame.height), frame.width * self.pixel_aspect
        check_size(round(wide), round(high))
        shape = (self.config.height, self.config.width)
        self.size = round(wide), round(high)
        if turns % 2:
            shape, self.size = shape[::-1], self.size[::-1]
        factors = shape[0] / high, shape[1] / wide
        factor = max(factors) if self.config.fit == "crop" else min(factors)
        inner = max(1, round(high * factor)), max(1, round(wide * factor))
        return _Plan(
            blend=any(component.is_alpha for component in frame.format.components),
            inner=inner,
            shape=shape,
            mirrored=mirrored,
            turns=turns,
            # Swscale has quick code for pictures that keep their size, but not with its method for areas.
            interpolation=Interpolation.BILINEAR if inner == (frame.height, frame.width) else Interpolation.AREA,
        )

    def scaled(self, frame: av.VideoFrame, height: int, width: int, format: str) -> NDArray[np.uint8]:
        result = self.reformatter.reformat(
            frame, width=width, height=height, format=format, interpolation=self.plan.interpolation, threads=1
        )
        plane = result.planes[0]  # VideoFrame.to_ndarray takes three times as long
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        pixels: NDArray[np.uint8] = rows[:, : width * (4 if format == "rgba" else 3)].reshape(height, width, -1)
        return pixels


def _centred(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Cut off what is larger than `height` x `width`, and surround with black what is smaller."""
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    cut = picture[max(top, 0) :, max(left, 0) :][:height, :width]
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = max(-top, 0), max(-left, 0)
    canvas[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return canvas
