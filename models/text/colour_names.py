"""Colour names that the training never showed, looked up in public lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


class ColourNames:
    """Finds the known colour that a colour name means.

    The lists are the 949 names of the XKCD colour survey and the other names of CSS4, each with its RGB. The nearest
    name in CIELAB that ends in a known colour decides. So "maroon" is red like its neighbour "wine red", although its
    RGB is nearer to black. No name was chosen for a prompt.
    """

    def __init__(self, known: Sequence[str]) -> None:
        """Prepare the lists for the colours `known` from the training, one word each."""
        from matplotlib.colors import CSS4_COLORS, XKCD_COLORS, to_rgb  # Imported here because it is slow.

        rgb = {name: to_rgb(value) for name, value in CSS4_COLORS.items()}
        rgb |= {name.removeprefix("xkcd:"): to_rgb(value) for name, value in XKCD_COLORS.items()}
        lab = _lab(np.array(list(rgb.values()), dtype=np.float32))
        self._places = {_spelling(name): place for name, place in zip(rgb, lab, strict=True)}
        kinds = [(name.split()[-1], place) for name, place in zip(rgb, lab, strict=True)]
        self._kinds = [(colour, place) for colour, place in kinds if colour in known]

    def find(self, name: str) -> str | None:
        """The known colour that `name` means; None if no list holds the name, or no name ends in a known colour.

        Case, spaces, hyphens and an ending "-coloured" are ignored.
        """
        place = self._places.get(_spelling(name))
        if place is None or not self._kinds:
            return None
        return min(self._kinds, key=lambda kind: float(np.linalg.norm(kind[1] - place)))[0]


def _spelling(name: str) -> str:
    return re.sub(r"[\s'-]|colou?red$", "", name.lower())


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB (N, 3) in [0, 1] to CIELAB (D65)."""
    return np.asarray(cv2.cvtColor(rgb[None], cv2.COLOR_RGB2LAB)[0], dtype=np.float32)
