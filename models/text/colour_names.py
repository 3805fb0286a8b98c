"""What people call colours: names that training never said, told by public lists of names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


class ColourNames:
    """Finds the known colour of a name: that of the nearest named colour in CIELAB whose name ends in a known one.

    The names are the 949 of the XKCD colour survey and the 148 of CSS4, each with its RGB. So "maroon" lies by colours
    that people call some red, though its RGB is nearer to black. Not one of them was chosen for a prompt.
    """

    def __init__(self, known: Sequence[str]) -> None:
        """`known` are the colours of the training, each a word."""
        from matplotlib.colors import CSS4_COLORS, XKCD_COLORS, to_rgb  # only here: it takes its time

        named = {f"xkcd:{name}": rgb for name, rgb in CSS4_COLORS.items()} | dict(XKCD_COLORS)  # a survey knows better
        names = [name.partition(":")[2] for name in named]
        self._places = {_spelling(name): number for number, name in enumerate(names)}
        self._lab = _lab(np.array([to_rgb(rgb) for rgb in named.values()], dtype=np.float32))
        last_words = [name.split()[-1] for name in names]
        self._families = [known.index(word) if word in known else -1 for word in last_words]
        self._known = tuple(known)

    def find(self, name: str) -> str | None:
        """The known colour that `name` is a kind of; None where no list has it, or none names a known colour's kinds.

        Case, spaces and hyphens say nothing, nor does an ending "-coloured".
        """
        place = self._places.get(_spelling(name))
        members = [number for number, family in enumerate(self._families) if family >= 0]
        if place is None or not members:
            return None
        distances = np.linalg.norm(self._lab[members] - self._lab[place], axis=1)
        return self._known[self._families[members[int(distances.argmin())]]]


def _spelling(name: str) -> str:
    return re.sub(r"[\s'-]|colou?red$", "", name.lower())


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 3) sRGB in [0, 1] to CIELAB (D65)."""
    return np.asarray(cv2.cvtColor(rgb[None], cv2.COLOR_RGB2LAB)[0], dtype=np.float32)
