"""Pictures inside a page."""

from __future__ import annotations

import base64


def data_uri(picture: bytes, *, kind: str) -> str:
    """A data URI with an encoded picture, "gif" or "png", so that a page can show it without another file."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
