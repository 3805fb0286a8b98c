"""Clips with prompts from anywhere: an npz file, or a folder of videos with captions."""

from __future__ import annotations

import csv
import json
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from data.captions import PromptError
from data.importing.captions import CAPTION_COLUMNS
from data.importing.metadata import METADATA
from data.worlds.world import WorldConfig

VIDEO_ENDINGS = (".mp4", ".avi", ".gif", ".webm", ".mov", ".mkv")


class ClipsError(ValueError):
    """The clips cannot be read, or do not fit the world. The message says which file is wrong, and what to do."""


def read_clips(path: Path, world: WorldConfig) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Read clips and their prompts.

    Args:
        path: an npz file with `frames`, uint8 (N, T, S, S, 3), and `prompts`, N strings; or a folder of videos. The
            captions of a folder stand in `metadata.csv` or `metadata.jsonl`, with the columns `file_name` and
            `caption` (or `text`, or `prompt`), or beside each video in a text file of the same name.
        world: number of frames and frame size. Larger videos are reduced to the frame size.

    Returns:
        Frames, uint8 (N, T, S, S, 3), and N prompts.

    Raises:
        ClipsError: a file is missing or damaged, a prompt asks for something that the world does not have, or the clips
            have another size or number of frames.
    """
    if not path.exists():
        raise ClipsError(f"{path} does not exist. Name an npz file, or a folder of videos with captions.")
    if path.is_dir():
        captions = _captions(path)
        _check_prompts(captions.values(), path, world)
        return np.stack([_read_video(path / name, world) for name in captions]), tuple(captions.values())
    try:
        with np.load(path, allow_pickle=False) as found:
            frames, prompts = found["frames"], tuple(str(prompt) for prompt in found["prompts"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ClipsError(
            f"{path} is no npz file with the arrays `frames` and `prompts` ({error}). Write it with numpy.savez."
        ) from error
    wanted = (world.frames, world.frame_size, world.frame_size, 3)
    if frames.dtype != np.uint8 or frames.shape[1:] != wanted:
        raise ClipsError(f"`frames` in {path} is {frames.dtype} {frames.shape}, not uint8 (N, {str(wanted)[1:]}.")
    if len(frames) != len(prompts) or not prompts:
        raise ClipsError(f"{path} holds {len(frames)} clips and {len(prompts)} prompts. Each clip needs its prompt.")
    _check_prompts(prompts, path, world)
    return frames, prompts


def _check_prompts(prompts: Iterable[str], path: Path, world: WorldConfig) -> None:
    for prompt in dict.fromkeys(prompts):
        try:
            scene = world.scene_of(prompt)
        except PromptError as error:
            raise ClipsError(f"{path}: {error}") from error
        for meaning in scene:
            for word, known in ((meaning.shape, world.shapes), (world.colour_of(meaning), world.colours)):
                if word not in known:
                    raise ClipsError(
                        f"{path}: the prompt {prompt!r} asks for {word}, but the world has {', '.join(known)} only. "
                        "Name the preset of another world with --preset."
                    )


def _captions(folder: Path) -> dict[str, str]:
    """The captions of the videos in a folder, by file name."""
    for name in METADATA:
        table = folder / name
        if table.exists():
            return _from_table(table)
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_ENDINGS)
    if not videos:
        raise ClipsError(f"{folder} holds no video ({', '.join(VIDEO_ENDINGS)}).")
    captions = {}
    for video in videos:
        try:
            captions[video.name] = video.with_suffix(".txt").read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ClipsError(
                f"{video} has no caption: {video.with_suffix('.txt').name} cannot be read. Write the prompt into that "
                f"file, or write a metadata.csv with the columns file_name and caption."
            ) from error
    return captions


def _from_table(table: Path) -> dict[str, str]:
    try:
        text = table.read_text(encoding="utf-8-sig")
        rows = (
            list(csv.DictReader(text.splitlines()))
            if table.suffix == ".csv"
            else [json.loads(line) for line in text.splitlines() if line.strip()]
        )
    except (OSError, ValueError, csv.Error) as error:
        raise ClipsError(f"{table} cannot be read as UTF-8 text: {error}.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise ClipsError(f"{table} needs one JSON object per line, with the keys file_name and caption.")
    column = next((name for name in CAPTION_COLUMNS if rows and name in rows[0]), None)
    if column is None or "file_name" not in rows[0]:
        raise ClipsError(
            f"{table} needs the columns file_name and {', or '.join(CAPTION_COLUMNS)}, and at least a row."
        )
    captions = {}
    for number, row in enumerate(rows, start=1):
        if not row.get("file_name") or not row.get(column):
            raise ClipsError(f"Row {number} of {table} has no file_name or no {column}.")
        if str(row["file_name"]) in captions:
            raise ClipsError(f"Row {number} of {table} names {row['file_name']} a second time.")
        captions[str(row["file_name"])] = str(row[column])
    return captions


def _read_video(path: Path, world: WorldConfig) -> NDArray[np.uint8]:
    """Frames of a video, uint8 (T, S, S, 3), RGB."""
    if not path.is_file():
        raise ClipsError(f"{path} does not exist, but the captions name it.")
    capture = cv2.VideoCapture(str(path))
    frames: list[NDArray[np.uint8]] = []
    try:
        while len(frames) <= world.frames:
            there, frame = capture.read()
            if not there:
                break
            frames.append(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8))
    finally:
        capture.release()
    if len(frames) != world.frames:
        count = "more" if len(frames) > world.frames else str(len(frames) or "no readable")
        raise ClipsError(f"{path} has {count} frames; clips of this world have {world.frames}.")
    return np.stack([_reduced(frame, path, world.frame_size) for frame in frames])


def _reduced(frame: NDArray[np.uint8], path: Path, size: int) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    if height != width or height < size:
        raise ClipsError(f"{path} is {width} x {height} px; clips of this world are square, with {size} px or more.")
    if height == size:
        return frame
    return np.asarray(cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)
