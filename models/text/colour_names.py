"""What people call colours: names that training never said, told by public lists of names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


class ColourNames:
    """Finds the known colour of a name: that of the nearest named colour in CIELAB whose name ends in a known one.

    The names are the 949 of the XKCD colour survey, and those of CSS4 that it lacks, each with its RGB. So "maroon"
    lies by "wine red", though its RGB is nearer to black. Not one of them was chosen for a prompt.
    """

    def __init__(self, known: Sequence[str]) -> None:
        """`known` are the colours of the training, each a word."""
        from matplotlib.colors import CSS4_COLORS, XKCD_COLORS, to_rgb  # only here: it takes its time

        rgb = {name: to_rgb(value) for name, value in CSS4_COLORS.items()}
        rgb |= {name.removeprefix("xkcd:"): to_rgb(value) for name, value in XKCD_COLORS.items()}
        lab = _lab(np.array(list(rgb.values()), dtype=np.float32))
        self._places = {_spelling(name): place for name, place in zip(rgb, lab, strict=True)}
        kinds = [(name.split()[-1], place) for name, place in zip(rgb, lab, strict=True)]
        self._kinds = [(colour, place) for colour, place in kinds if colour in known]

    def find(self, name: str) -> str | None:
        """The known colour that `name` is a kind of; None where no list has it, or none names a known colour's kinds.

        Case, spaces and hyphens say nothing, nor does an ending "-coloured".
        """
        place = self._places.get(_spelling(name))
        if place is None or not self._kinds:
            return None
        return min(self._kinds, key=lambda kind: float(np.linalg.norm(kind[1] - place)))[0]


def _spelling(name: str) -> str:
    return re.sub(r"[\s'-]|colou?red$", "", name.lower())


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 3) sRGB in [0, 1] to CIELAB (D65)."""
    return np.asarray(cv2.cvtColor(rgb[None], cv2.COLOR_RGB2LAB)[0], dtype=np.float32)
