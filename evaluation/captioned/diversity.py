"""Diversity within a caption: do samples of one caption differ from one another as much as real clips do?"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.captioned.estimates import Bounded, Estimate
from evaluation.captioned.observed import Observed

Floats = NDArray[np.float64]


class CaptionedDiversity(BaseModel):
    """Mean distances of two clips with the same caption.

    `ratio` is 1 for clips as varied as reality, and 0 for one clip repeated. `shuffled` has two generated clips of
    different captions. A model that ignores its captions has the same value for `generated`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels: Bounded = Field(description="RMS distance of all pixels at about 16 x 16 per frame, 0 to 255 levels.")
    features: Bounded = Field(
        description="RMS distance of the matcher's features. Each has the variance 1 over real clips."
    )
    real_clips_of: Literal["the same caption", "all captions"] = Field(
        description="Which real clips are compared with one another. All of them, if most captions have one real clip "
        "only. Then the ratio of a perfect model may lie below 1."
    )


def captioned_diversity(generated: Observed, real: Observed, *, seed: int) -> CaptionedDiversity:
    """Compare samples with real clips. Captions with one clip are left out."""
    _, counts = np.unique(real.captions, return_counts=True)
    same = bool((counts > 1).mean() >= 0.5)
    found = {}
    for name in ("pixels", "features"):
        mine, theirs = _points(generated, name), _points(real, name)
        found[name] = Bounded(
            generated=_within(mine, generated.captions),
            real=_within(theirs, real.captions) if same else _across(theirs, real.captions, seed=seed),
            shuffled=_across(mine, generated.captions, seed=seed),
        )
    return CaptionedDiversity(**found, real_clips_of="the same caption" if same else "all captions")


def _points(clips: Observed, name: str) -> NDArray[np.float32]:
    values = clips.coarse if name == "pixels" else clips.features
    return values.reshape(len(values), -1).astype(np.float32)


def _within(points: NDArray[np.float32], captions: list[str]) -> Estimate | None:
    """Mean over the clips of the mean RMS distance from the other clips of the caption."""
    names = np.array(captions)
    means, owners = [], []
    for caption in dict.fromkeys(captions):
        mine = points[names == caption]
        if len(mine) > 1:
            squared = np.stack([((mine - one) ** 2).mean(axis=1) for one in mine])  # (clips, clips)
            means.append(np.sqrt(squared).sum(axis=1) / (len(mine) - 1))
            owners += [caption] * len(mine)
    return Estimate.mean_of(np.concatenate(means).astype(np.float64), owners) if means else None


def _across(points: NDArray[np.float32], captions: list[str], *, seed: int) -> Estimate | None:
    """Mean RMS distance of each clip from one random clip of another caption."""
    names = np.array(captions)
    if len(set(captions)) < 2:
        return None
    generator = np.random.default_rng(seed)
    partners = [generator.choice(np.flatnonzero(names != caption)) for caption in captions]
    distances = np.sqrt(((points - points[partners]) ** 2).mean(axis=1))
    return Estimate.mean_of(distances.astype(np.float64), captions)
