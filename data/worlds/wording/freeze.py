"""Makes the table of colour names from its rule. The table is data: a new matplotlib does not change it.

python -m data.worlds.wording.freeze

The names are those of the XKCD colour survey (2010, placed in the public domain by CC0, 949 names) and of CSS4 (W3C),
with their RGB, as matplotlib lists them. A name belongs to a colour of the worlds if

* it ends in the colour and names no other hue ("wine red", but not "orangey red"), or
* it names no hue, and four of the five nearest names in CIELAB that end in a hue end in that colour, the nearest one
  included. So "navy" is blue like its neighbour "dark blue", although its RGB is nearer to the worlds' black.

The lists were then read by eye. `MISLEADING` names are left out, because people would expect another colour, or
because they are rude. `ADDED` are common names that the lists lack; nearly all names of black are. `WITHHELD` words
are kept for the tier T4w: no caption of a training may hold them.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.captions import tokenize
from data.worlds.shapes import COLOURS
from data.worlds.wording.colours import TABLE

HUES: tuple[str, ...] = (
    *(
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "violet",
        "pink",
        "brown",
        "black",
        "grey",
        "gray",
        "white",
    ),
    *("teal", "turquoise", "cyan", "aqua", "magenta", "tan", "beige", "gold", "lavender", "lilac", "mauve", "cream"),
    *("peach", "salmon", "maroon", "olive"),
)
STEMS: dict[str, str] = {"orange": "orang", "purple": "purpl", "blue": "blu", "white": "whit", "olive": "oliv"}
"""How a hue begins in "bluish" and the like, where this is not the whole word."""
SHADES: tuple[str, ...] = (
    *("light", "dark", "medium", "deep", "sky", "sea", "spring", "steel", "slate", "royal", "midnight", "forest"),
    *("lawn", "lime", "dodger", "powder", "indian", "cadet"),
)
"""Other words in the compound names of CSS4."""
NEAREST, AGREEING = 5, 4

MISLEADING: dict[str, tuple[str, ...]] = {
    "red": ("auburn", "dark coral", "raspberry", "russet", "rust", "burnt red"),
    "orange": ("burnt siena", "burnt sienna", "butterscotch", "peru"),
    "green": (
        *("apple", "pear", "tea", "drab", "off green", "weird green", "navy green", "lemon green", "mustard green"),
        *("khaki green", "slate green", "kelley green", "forrest green", "fluro green", "light light green"),
        *("booger", "booger green", "snot", "snot green", "vomit", "vomit green", "puke", "puke green", "barf green"),
        *(
            "gross green",
            "icky green",
            "nasty green",
            "sick green",
            "sickly green",
            "shit green",
            "poop green",
            "baby puke green",
            "baby shit green",
            "baby poop green",
            "mud green",
        ),
    ),
    "blue": (
        *("off blue", "blue blue", "light light blue", "seafoam blue", "tiffany blue", "indigo", "indigo blue"),
        *("periwinkle", "dark periwinkle", "periwinkle blue", "royal", "ice", "dusk", "twilight", "azul", "midnight"),
    ),
    "black": (),
}
ADDED: dict[str, tuple[str, ...]] = {
    "red": (
        "ruby",
        "ruby red",
        "flame red",
        "traffic-light red",
        "pillar-box red",
        "rosy red",
        "true red",
        "vivid red",
        "strawberry red",
        "chilli red",
        "candy red",
        "pure red",
        "strong red",
    ),
    "orange": (
        *(
            "amber",
            "carrot",
            "carrot orange",
            "mandarin",
            "mandarin orange",
            "satsuma",
            "sunset orange",
            "amber orange",
        ),
        *("fire orange", "vivid orange", "neon orange", "pure orange", "strong orange", "traffic-cone orange"),
    ),
    "green": ("pure green", "strong green"),
    "blue": ("gentian blue", "bluebell blue"),
    "black": (
        *("jet black", "jet", "pitch black", "coal black", "coal", "charcoal", "charcoal black", "ink black", "soot"),
        *("soot black", "tar black", "midnight black", "carbon black", "deep black", "pure black", "solid black"),
        *("dark black", "true black", "dull black", "night black", "crow black", "bible black", "total black"),
    ),
}
WITHHELD: dict[str, tuple[str, ...]] = {
    "red": ("vermilion", "vermillion", "garnet", "claret", "poppy", "carmine", "cranberry", "lobster", "cardinal"),
    "orange": (
        *("tangerine", "apricot", "marigold", "kumquat"),
        *("pumpkin", "clementine", "papaya", "cantaloupe"),
    ),
    "green": ("jade", "pistachio", "malachite", "asparagus", "emerald", "fern", "avocado", "cucumber"),
    "blue": ("azure", "sapphire", "cerulean", "lapis", "cobalt", "denim", "cornflower", "ultramarine"),
    "black": ("ebony", "obsidian", "sooty", "raven", "onyx", "inky", "liquorice", "sable"),
}


def colour_table() -> dict[str, list[str]]:
    """Return the names of each colour of the worlds, from a to z and without the colour itself."""
    from matplotlib.colors import CSS4_COLORS, XKCD_COLORS, to_rgb  # Imported here because it is slow.

    rgb = {_split(name): to_rgb(value) for name, value in CSS4_COLORS.items()}
    rgb |= {name.removeprefix("xkcd:"): to_rgb(value) for name, value in XKCD_COLORS.items()}
    names, places = list(rgb), _lab(np.array(list(rgb.values())))
    ends = [(name.split()[-1], place) for name, place in zip(names, places, strict=True)]
    ends = [(kind, place) for kind, place in ends if kind in HUES]
    kinds, points = [kind for kind, _ in ends], np.array([place for _, place in ends])
    found: dict[str, set[str]] = {colour: set(ADDED[colour]) for colour in COLOURS}
    for name, place in zip(names, places, strict=True):
        hues = {hue for hue in HUES if STEMS.get(hue, hue) in name}
        order = np.argsort(np.linalg.norm(points - place, axis=1), kind="stable")[:NEAREST]
        near = [kinds[number] for number in order.tolist()]
        if hues and hues <= {name.split()[-1]} & set(COLOURS):
            found[name.split()[-1]].add(name)
        elif not hues and near[0] in COLOURS and near.count(near[0]) >= AGREEING:
            found[near[0]].add(name)
    withheld = {word for words in WITHHELD.values() for word in words}
    return {
        colour: sorted(
            name for name in found[colour] - {colour, *MISLEADING[colour]} if not withheld & set(tokenize(name))
        )
        for colour in COLOURS
    }


def _split(name: str) -> str:
    """Return a name of CSS4 with spaces: "mediumseagreen" is "medium sea green"."""
    parts = re.findall("|".join((*HUES, *SHADES)), name)
    return " ".join(parts) if "".join(parts) == name else name


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert sRGB (N, 3) in [0, 1] to CIELAB (D65, IEC 61966-2-1 and CIE 15)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    share = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.moveaxis(np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


if __name__ == "__main__":
    data = (json.dumps(colour_table(), indent=1) + "\n").encode()
    Path(__file__).with_name(TABLE).write_bytes(data)
    print(f"{TABLE}: TABLE_SHA256 is {hashlib.sha256(data).hexdigest()}")
