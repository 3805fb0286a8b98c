"""A GIF within a page, which then needs no other file: an HTML page of our own, or Markdown on Prefect's."""

from __future__ import annotations

import base64
from pathlib import Path


def gif_uri(gif: Path) -> str:
    """An address that holds all of the file `gif`."""
    return f"data:image/gif;base64,{base64.b64encode(gif.read_bytes()).decode()}"
