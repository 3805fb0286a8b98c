"""What colours are called: hundreds of names from two public lists, frozen in `colours.json`.

`python -m data.worlds.wording.freeze` made the file, and states the rule. The digest of the file stands here, so that
another table changes the digest of the code.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

TABLE = "colours.json"
TABLE_SHA256 = "5e4c9a3aecea8e3dabb97d78ccd5d4b5de5166ac03e7d33e9c230772fdd5d468"


@cache
def colour_names(colour: str) -> tuple[str, ...]:
    """Return the names of one of `data.worlds.shapes.COLOURS`: the plain one first, then the others from a to z.

    Raises:
        KeyError: there is no such colour.
        ValueError: the table is damaged.
    """
    data = (files(__package__) / TABLE).read_bytes()
    if hashlib.sha256(data).hexdigest() != TABLE_SHA256:
        raise ValueError(f"{TABLE} in {__package__} is damaged or from another version. Install flipbook again.")
    names: dict[str, list[str]] = json.loads(data)
    return (colour, *names[colour])
