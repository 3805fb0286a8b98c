"""The tutorial's own way to make and read its data set. The benchmarks compare with it.

It follows "Building an AI Text-to-Video Model from Scratch Using Python"
(github.com/FareedKhan-dev/AI-text-to-video-model-from-scratch). Pillow draws each frame of a random prompt
(`data.worlds.tutorial`). OpenCV writes the frame as a PNG into the folder of the clip, which also holds a `prompt.txt`.
A `torch.utils.data.Dataset` reads one PNG at a time with Pillow, and applies ToTensor and Normalize.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import cast

import cv2
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision import transforms

from data.worlds.prompts import TUTORIAL_PHRASES, parse_prompt
from data.worlds.tutorial import tutorial_frame

SIZE, FRAMES = 64, 10


def write_clips(folder: Path, *, first: int, count: int, seed: int) -> None:
    """Write the clips `first` to `first + count - 1`, each as a folder of ten PNG files and a text file."""
    chooser = random.Random(seed)
    for number in range(first, first + count):
        phrase = chooser.choice(TUTORIAL_PHRASES)
        clip = folder / f"video_{number}"
        clip.mkdir(parents=True, exist_ok=True)
        (clip / "prompt.txt").write_text(f"circle {phrase}")
        (meaning,) = parse_prompt(f"circle {phrase}")
        for frame in range(FRAMES):
            cv2.imwrite(str(clip / f"frame_{frame}.png"), tutorial_frame(meaning.motion, frame, frame_size=SIZE))


class TutorialDataset(Dataset[tuple[torch.Tensor, str]]):
    """The tutorial's reader. An item is one frame, float32 (3, 64, 64) in [-1, 1], and its prompt."""

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
