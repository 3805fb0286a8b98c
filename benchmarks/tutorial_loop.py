"""The tutorial's own way to make and read its data set, as the peer that the benchmarks compare with.

It follows "Building an AI Text-to-Video Model from Scratch Using Python"
(github.com/FareedKhan-dev/AI-text-to-video-model-from-scratch): Pillow draws each frame of a random prompt, OpenCV
writes it as a PNG into the clip's own folder beside a `prompt.txt`, and a `torch.utils.data.Dataset` opens one PNG at a
time with Pillow and gives ToTensor + Normalize. The 18 prompts, the radius of 5 px and the step of 5 px per frame are
the tutorial's. Where its two listings differ, the one that draws the circle is followed; it is also the cheaper one.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch.utils.data import Dataset
from torchvision import transforms

from data.prompts import TUTORIAL_PHRASES

SIZE, RADIUS, STEP, FRAMES = 64, 5, 5, 10
BLUE, WHITE = (0, 0, 255), (255, 255, 255)
_DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}


def draw_frame(phrase: str, frame: int) -> NDArray[np.uint8]:
    """One frame of the tutorial's clip: uint8 (64, 64, 3) RGB. Positions wrap at the border, as they do there."""
    image = Image.new("RGB", (SIZE, SIZE), color=WHITE)
    draw = ImageDraw.Draw(image)
    middle, moved, radius = SIZE // 2, frame * STEP, RADIUS
    x = y = middle
    verb, way = phrase.split()[0], phrase.split()[-1]
    if verb == "moving":
        for word in way.split("-"):
            x, y = x + _DIRECTIONS[word][0] * moved, y + _DIRECTIONS[word][1] * moved
        x, y = x % SIZE, y % SIZE
    elif verb == "rotating":
        image = image.rotate(-frame * STEP if way == "clockwise" else frame * STEP, center=(x, y), fillcolor=WHITE)
        draw = ImageDraw.Draw(image)
    elif verb in ("shrinking", "expanding"):
        radius = max(1, RADIUS + (frame if verb == "expanding" else -frame) // 2)
    elif verb == "bouncing":
        offset = middle - abs(moved % SIZE - middle)
        x, y = (x, offset) if way == "vertically" else (offset, y)
    elif verb == "zigzagging":
        offset = middle + (moved if frame % 2 else -moved) % SIZE
        x, y = (x, offset) if way == "vertically" else (offset, y)
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=BLUE)
    return np.array(image)


def write_clips(folder: Path, *, first: int, count: int, seed: int) -> None:
    """Write clips `first` to `first + count - 1`, each a folder of ten PNG files and a text file."""
    chooser = random.Random(seed)
    for number in range(first, first + count):
        phrase = chooser.choice(TUTORIAL_PHRASES)
        clip = folder / f"video_{number}"
        clip.mkdir(parents=True, exist_ok=True)
        (clip / "prompt.txt").write_text(f"circle {phrase}")
        for frame in range(FRAMES):
            cv2.imwrite(str(clip / f"frame_{frame}.png"), draw_frame(phrase, frame))


class TutorialDataset(Dataset[tuple[torch.Tensor, str]]):
    """The tutorial's reader: an item is one frame, float32 (3, 64, 64) in [-1, 1], and its prompt."""

    def __init__(self, folder: Path) -> None:
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
        self.frames: list[Path] = []
        self.prompts: list[str] = []
        for clip in sorted(folder.iterdir()):
            frames = sorted(clip.glob("*.png"))
            self.frames.extend(frames)
            self.prompts.extend([(clip / "prompt.txt").read_text().strip()] * len(frames))

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, str]:
        image = Image.open(self.frames[index])
        return cast(torch.Tensor, self.transform(image)), self.prompts[index]
