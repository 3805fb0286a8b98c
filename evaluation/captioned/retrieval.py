"""Retrieval: does the matcher find the caption of a clip among others?

This is R-precision as text-to-image models report it (Xu et al., AttnGAN, CVPR 2018), with the project's own matcher.
Captions that mean the same cannot be told apart. So compare with what real clips reach, never with 100 %.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from data.captions import quoted
from evaluation.captioned.clips import CaptionedClips
from evaluation.captioned.estimates import Estimate
from evaluation.captioned.observed import Observed
from evaluation.captioned.text import reading
from evaluation.scoring.rates import Rate

Ranks = NDArray[np.int64]
EncodeCaptions = Callable[[Sequence[str]], NDArray[np.float64]]

_FEWEST = 10
"""Fewer candidates are filled up with training captions, because finding one among three says little."""
_TOP = 5


class RetrievalScores(BaseModel):
    """How often the matcher finds the captions of some clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top1: Rate = Field(description="Clips whose own caption fits best. A tie counts as a miss.")
    top5: Rate = Field(description="Clips whose own caption is among the 5 that fit best.")
    over_captions: Estimate = Field(
        description="The same share as `top1`, with an interval that allows for clips of one caption being alike."
    )

    @property
    def rate(self) -> Rate:
        """`top1` with the interval of `over_captions`, since clips of one caption are alike."""
        return self.top1.model_copy(update={"low": self.over_captions.low, "high": self.over_captions.high})

    @classmethod
    def of(cls, ranks: Ranks, captions: list[str]) -> RetrievalScores:
        """Scores of clips with the given ranks, int64 (N,) from 1, and captions."""
        found = ranks == 1
        over_captions = Estimate.mean_of(found.astype(np.float64), captions)
        return cls(top1=Rate.of(found), top5=Rate.of(ranks <= _TOP), over_captions=over_captions)


class Retrieval(BaseModel):
    """Retrieval of the generated clips of a split beside its bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generated: RetrievalScores = Field(description="The model's samples.")
    real: RetrievalScores = Field(description="Real clips of the same captions. The matcher was not trained on them.")
    shuffled: RetrievalScores = Field(description="The model's samples against other captions of the split.")
    candidates: float = Field(ge=2, description="Number of captions to choose from, the clip's own included. A mean.")
    chance: float = Field(gt=0, le=1, description="The share that a model reaches that ignores its captions.")
    filled_up: bool = Field(
        description="Whether training captions were added, because a caption had fewer than 9 others in the split."
    )


class CaptionScore(BaseModel):
    """Retrieval of the generated clips of one caption."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    caption: str
    generated: Rate = Field(description="Generated clips whose caption is found.")
    real: Rate | None = Field(description="The same of real clips of this caption. None if there are none.")
    mean_rank: float = Field(ge=1, description="Mean rank of the caption for the generated clips. 1 is best.")


class Candidates:
    """The captions from which that of a clip must be found. Each caption has candidates of its own.

    Captions that some clip has together with the own one are never candidates, because they are right as well. Nor are
    captions with the same words, because the matcher cannot tell them apart.
    """

    def __init__(self, split: CaptionedClips, training: CaptionedClips, *, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.filled_up = False
        self.split = {caption: reading(caption) for caption in split.distinct}
        self.training = {caption: reading(caption) for caption in training.distinct if caption not in self.split}
        known = self.training | self.split
        self.together: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        for names in (*split.captions, *training.captions):
            for name in names:
                self.together.setdefault(known[name], set()).update(known[other] for other in names)

    def others(self, caption: str) -> list[str]:
        """The candidates for `caption` beside itself. Equal arguments give equal candidates.

        Raises:
            ValueError: there is none.
        """
        right = self.together[reading(caption)]
        known = [name for name, words in self.split.items() if words not in right]
        if len(known) < min(_FEWEST, self.count) - 1:
            more = [name for name, words in self.training.items() if words not in right]
            self.filled_up = self.filled_up or bool(more)
            known += more
        if not known:
            raise ValueError(
                f"retrieval needs a caption beside {quoted(caption)} that says something else, and that no clip has "
                "together with it: add clips with other captions"
            )
        generator = np.random.default_rng([self.seed, zlib.crc32(caption.encode())])
        chosen = generator.choice(len(known), size=min(self.count - 1, len(known)), replace=False)
        return [known[k] for k in chosen]


def ranks_of(
    clips: Observed, captions: Sequence[str], others: Mapping[str, list[str]], encode: EncodeCaptions
) -> Ranks:
    """The rank of each clip's caption, int64 (N,): 1 plus the number of other candidates that fit as well or better.

    Args:
        clips: N clips.
        captions: the N captions that must be found.
        others: the other candidates for each caption.
        encode: captions to unit vectors.
    """
    ranks = np.ones(len(captions), np.int64)
    wanted = np.array(captions)
    for caption in dict.fromkeys(captions):
        rows = np.flatnonzero(wanted == caption)
        fits = clips.vectors[rows] @ encode([caption, *others[caption]]).T  # (clips, candidates)
        ranks[rows] += (fits[:, 1:] >= fits[:, :1]).sum(axis=1)
    return ranks


def retrieval(
    generated: Observed, real: Observed, candidates: Candidates, encode: EncodeCaptions
) -> tuple[Retrieval, tuple[CaptionScore, ...]]:
    """Retrieval of a split, and of each of its captions, the worst first.

    Raises:
        ValueError: a caption has no candidates beside itself.
    """
    others = {caption: candidates.others(caption) for caption in dict.fromkeys(generated.captions + real.captions)}
    generator = np.random.default_rng(candidates.seed)
    wrong = [others[caption][generator.integers(len(others[caption]))] for caption in generated.captions]
    others |= {caption: candidates.others(caption) for caption in dict.fromkeys(wrong)}
    mine = ranks_of(generated, generated.captions, others, encode)
    theirs = ranks_of(real, real.captions, others, encode)
    sizes = np.array([1 + len(others[caption]) for caption in generated.captions])
    scores = Retrieval(
        generated=RetrievalScores.of(mine, generated.captions),
        real=RetrievalScores.of(theirs, real.captions),
        shuffled=RetrievalScores.of(ranks_of(generated, wrong, others, encode), generated.captions),
        candidates=sizes.mean(),
        chance=(1 / sizes).mean(),
        filled_up=candidates.filled_up,
    )
    return scores, _caption_scores(generated, mine, real, theirs)


def _caption_scores(generated: Observed, mine: Ranks, real: Observed, theirs: Ranks) -> tuple[CaptionScore, ...]:
    drawn, kept = np.array(generated.captions), np.array(real.captions)
    scores = []
    for caption in dict.fromkeys(generated.captions):
        ranks, bound = mine[drawn == caption], theirs[kept == caption]
        scores.append(
            CaptionScore(
                caption=caption,
                generated=Rate.of(ranks == 1),
                real=Rate.of(bound == 1) if len(bound) else None,
                mean_rank=ranks.mean(),
            )
        )
    return tuple(sorted(scores, key=lambda score: (score.generated.value, -score.mean_rank)))
