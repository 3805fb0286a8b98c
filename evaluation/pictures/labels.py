"""Labels of pictures: captions of any length and in any language, in lines that fit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import wrap

from PIL import ImageFont

from data.captions import one_line

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MOST_LETTERS = 80
"""Longer captions are shortened. The report and the names of the videos have them whole."""
MOST_LINES = 3
_WIDTHS = (21, 28, 35)  # letters per line


def label_lines(caption: str) -> list[str]:
    """The caption in at most three lines: of about 20 letters, or of 35 if it would need more lines otherwise."""
    text = one_line(caption, MOST_LETTERS)
    ways = [wrap(text, letters, break_long_words=False, break_on_hyphens=False) for letters in _WIDTHS]
    fitting = (lines for lines in ways if len(lines) <= MOST_LINES and all(len(line) <= _WIDTHS[-1] for line in lines))
    return next(fitting, wrap(text, _WIDTHS[-1])[:MOST_LINES]) or [""]


def font_for(text: str, size: float) -> Font:
    """A font that has the letters of `text`, or the one that lacks fewest of them.

    It is Pillow's own font for plain letters, DejaVu Sans for those of most alphabets, and else a font of this machine.

    Args:
        text: what will be drawn with it.
        size: px.
    """
    if text.isascii():
        return plain_font(size)
    letters = frozenset(ord(letter) for letter in text if not letter.isspace())
    return _font_with(letters, size)


@cache
def plain_font(size: float) -> Font:
    """Pillow's own font, read once."""
    return ImageFont.load_default(size)


@cache
def _font_with(letters: frozenset[int], size: float) -> Font:
    import matplotlib as mpl  # Imported here because it is slow.
    from matplotlib.font_manager import fontManager

    own = str(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    if not letters - _letters_of(own):
        return ImageFont.truetype(own, size)
    files = [own, *(str(font.fname) for font in fontManager.ttflist if "LastResort" not in str(font.fname))]
    return ImageFont.truetype(min(files, key=lambda file: len(letters - _letters_of(file))), size)


@cache
def _letters_of(file: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):  # a font of the machine that cannot be used
        return frozenset()
