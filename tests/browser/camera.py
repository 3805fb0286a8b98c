"""Pictures of pages: all of them for debugging a test, and some of them, smaller, for the docs."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

DOCS_WIDTH = 1200
DOCS_BYTES = 150_000
COLOURS = 256
STILL_PICTURES = 6
STILL_MILLISECONDS = 400


class Camera:
    """Takes pictures of the tab `page`. It keeps them in `folder`, and some of them in `docs`."""

    def __init__(self, page: Page, folder: Path, docs: Path | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.page = page
        self.folder = folder
        self.docs = docs
        self._taken = 0

    def take(self, name: str, *, for_docs: bool = False, page: Page | None = None) -> None:
        """Keep what the tab, or the tab `page`, shows as NUMBER-NAME.png; `for_docs` as docs/images/operate-NAME.png,
        too. Waits a moment for what is still being drawn."""
        picture = _once_still(page or self.page)
        self._taken += 1
        (self.folder / f"{self._taken:02}-{name}.png").write_bytes(picture)
        if for_docs and self.docs is not None:
            _write_small(picture, self.docs / f"operate-{name}.png")


def _once_still(page: Page) -> bytes:
    """A picture of the tab once nothing moves any more, or the last of several pictures."""
    picture = page.screenshot(animations="disabled")
    for _ in range(STILL_PICTURES):
        page.wait_for_timeout(STILL_MILLISECONDS)
        before, picture = picture, page.screenshot(animations="disabled")
        if picture == before:
            break
    return picture


def _write_small(picture: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(picture)) as image:
        height = image.height * DOCS_WIDTH // image.width
        small = image.convert("RGB").resize((DOCS_WIDTH, height), Image.Resampling.LANCZOS)
    few = small.quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    assert path.stat().st_size < DOCS_BYTES, f"{path} has {path.stat().st_size} bytes"
