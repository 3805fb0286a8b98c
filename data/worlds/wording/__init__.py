"""Captions in free words: what users could write about a scene, instead of the plain prompt.

A caption is made of a template and synonyms, which are tables in this folder: `nouns.py`, `phrases.py` (motions),
`colours.json` and `sentences.py`. It is a pure function of the scene and of uniform random numbers.

* A caption is true of every clip of its scene.
* Two scenes that differ in a shape, a colour, a motion or the order of their objects share no caption.
* A clip's captions follow from its own scene. So no caption describes a combination that is held out.
* No varied caption says "moving up-right", so the tier T1 remains unseen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.worlds.prompts import CONJUNCTION, Scene
from data.worlds.wording.sentences import NUMBERS, sentence

_STREAM = 0x63617074696F6E73  # "captions", so that captions and clips of one seed are drawn independently


def caption_of(scene: Scene, numbers: Sequence[float]) -> str:
    """Return the caption of `scene` that follows from `numbers`: `NUMBERS` or more of them, each in [0, 1)."""
    return sentence(scene, numbers[:NUMBERS])


def captions(scene: Scene, *, seed: int, index: int, count: int) -> tuple[str, ...]:
    """Return `count` captions of the clip `index`: its plain prompt, then varied ones, which can be equal.

    They depend on the scene, the seed and the index only. Caption k is the same for every `count` above k.

    Args:
        scene: what the clip shows, one object or two.
        seed: the clips' seed, 0 or more.
        index: the clip's index, 0 or more.
        count: number of captions, 1 or more.
    """
    plain = CONJUNCTION.join(map(str, scene))
    if count == 1:
        return (plain,)
    raw = np.random.Philox(np.random.SeedSequence((_STREAM, seed, index))).random_raw((count - 1) * NUMBERS)
    rows = ((raw >> np.uint64(11)) * 2.0**-53).reshape(count - 1, NUMBERS)
    return (plain, *(caption_of(scene, row) for row in rows.tolist()))
