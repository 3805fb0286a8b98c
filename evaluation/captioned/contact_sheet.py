"""A contact sheet of held-out captions: the generated clip beside a real clip of the same caption."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from data.selection import evenly_spread
from evaluation.captioned.clips import CaptionedClips
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.split import Sampler, Split
from evaluation.pictures.contact_sheet import contact_sheet

_MOST_LETTERS = 80


def captioned_contact_sheet(
    sampler: Sampler, *, held_out: Mapping[str, CaptionedClips], config: CaptionedConfig, rows: int = 12
) -> Image.Image:
    """Show the first sample of some held-out captions beside a real clip of the caption.

    These are the first samples that `evaluate_captioned` scores with the same sampler and config.

    Args:
        sampler: draws the clips.
        held_out: clips by the split's name.
        config: chooses captions and noise.
        rows: maximum number of captions per split, evenly spread over the split.

    Raises:
        ValueError: there is no split, splits differ in shape, or the sampler returned frames of another shape.
    """
    if not held_out:
        raise ValueError("a contact sheet of held-out captions needs a held-out split")
    drawn, real, labels = [], [], []
    for name, clips in held_out.items():
        split = Split.of(name, clips, config)
        shown = evenly_spread([caption for caption in split.captions if caption in split.real_captions], rows)
        for captions, frames in split.draw_turn(sampler, 0):
            for caption, clip in zip(captions, frames, strict=True):
                if caption in shown:
                    drawn.append(clip.copy())
                    real.append(clips.frames[split.real_rows[split.real_captions.index(caption)]])
                    labels.append(f"{name}: {_shortened(caption)}")
    return contact_sheet(np.stack(drawn), labels, real=np.stack(real))


def _shortened(caption: str) -> str:
    line = " ".join(caption.split())
    return line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 1]}…"
