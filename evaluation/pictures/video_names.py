"""How the video files of a prompt's clips are called, for those who write them and those who look for them."""

from __future__ import annotations

from pathlib import Path

from data.worlds.prompts import prompt_slug


def video_name(prompt: str, number: int, kind: str) -> str:
    """Name of the file of clip `number` of `prompt`, as in `circle-moving-up-right-000.mp4`; `kind` is its suffix."""
    return f"{prompt_slug(prompt)}-{number:03d}.{kind}"


def gifs_of(folder: Path, prompt: str) -> list[Path]:
    """The GIFs of `prompt` in `folder`, in order; none where there are none."""
    return sorted(folder.glob(f"{prompt_slug(prompt)}-[0-9]*.gif"))
