"""Names of video files, for the code that writes them and for the code that looks for them."""

from __future__ import annotations

import re
from pathlib import Path

from data.captions import prompt_slug
from evaluation.pictures.data_uri import data_uri


def video_name(prompt: str, number: int, suffix: str) -> str:
    """The file name of clip `number` of `prompt`, as in `circle-moving-up-right-000.mp4`."""
    return f"{prompt_slug(prompt)}-{number:03d}.{suffix}"


def videos_of(folder: Path, prompt: str, *suffixes: str) -> list[Path]:
    """The video files of `prompt` in `folder` that have one of the `suffixes`, in the order of the clips' numbers."""
    name = re.compile(rf"{prompt_slug(prompt)}-(\d{{3,}})\.({'|'.join(suffixes)})")
    found = ((name.fullmatch(path.name), path) for path in folder.glob(f"{prompt_slug(prompt)}-*"))
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def gif_uri(gif: Path) -> str:
    """A data URI with the whole content of the file `gif`, so that a page can show it without another file."""
    return data_uri(gif.read_bytes(), kind="gif")
