"""Which captions and real clips of a split are compared, and the clips that are drawn for them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.selection import evenly_spread
from evaluation.captioned.clips import CaptionedClips, Frames
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.report import SEEN_SPLIT

Sampler = Callable[[Sequence[str], int], Frames]
"""(captions, seed) -> uint8 (N, T, H, W, 3). Sample i may depend on (seed, i) and its own caption only."""

CAPTIONS_AT_ONCE = 128


@dataclass(frozen=True)
class Split:
    """The captions of a split for which clips are drawn, and the real clips beside them.

    name: the split's name, on which the noise depends.
    clips: all real clips of the split.
    captions: the captions for which clips are drawn.
    real_rows: int64 (M,), the real clips that are compared. Each has one of `captions`.
    real_captions: the M captions that they are compared by.
    config: the number of clips, and their seed.
    """

    name: str
    clips: CaptionedClips
    captions: tuple[str, ...]
    real_rows: NDArray[np.int64]
    real_captions: tuple[str, ...]
    config: CaptionedConfig

    @classmethod
    def of(cls, name: str, clips: CaptionedClips, config: CaptionedConfig) -> Split:
        """Choose captions and real clips of a split."""
        captions = evenly_spread(clips.distinct, config.captions_per_split)
        chosen = set(captions)
        owned = [next((one for one in names if one in chosen), None) for names in clips.captions]
        rows = np.array([row for row, caption in enumerate(owned) if caption is not None])
        generator = np.random.default_rng(config.seed)
        rows = np.sort(generator.permutation(rows)[: config.real_clips])
        return cls(name, clips, captions, rows, tuple(str(owned[row]) for row in rows), config)

    @property
    def shown(self) -> tuple[str, ...]:
        """The captions that pictures show beside real clips, in the order in which they are drawn."""
        real = set(self.real_captions)
        return evenly_spread([one for one in self.captions if one in real], self.config.shown_captions)

    def draw(self, sampler: Sampler) -> Iterator[tuple[Sequence[str], Frames]]:
        """Clips of all captions, then other clips of all captions, and so on, in parts of at most 128 clips.

        Raises:
            ValueError: the sampler returned frames of another shape or number.
        """
        for turn in range(self.config.clips_per_caption(len(self.captions))):
            yield from self.draw_turn(sampler, turn)

    def draw_turn(self, sampler: Sampler, turn: int) -> Iterator[tuple[Sequence[str], Frames]]:
        """One clip of each caption, in parts. Each turn has noise of its own."""
        for start in range(0, len(self.captions), CAPTIONS_AT_ONCE):
            captions = self.captions[start : start + CAPTIONS_AT_ONCE]
            words = [self.config.seed, zlib.crc32(self.name.encode()), turn, start]
            frames = sampler(captions, int(np.random.SeedSequence(words).generate_state(1)[0]))
            wanted = (len(captions), *self.clips.frames.shape[1:])
            if frames.shape != wanted or frames.dtype != np.uint8:
                raise ValueError(f"the sampler returned {frames.dtype} {frames.shape}, not uint8 {wanted}")
            yield captions, frames


def all_splits(
    *, training: CaptionedClips, held_out: Mapping[str, CaptionedClips], config: CaptionedConfig
) -> list[Split]:
    """The splits that an evaluation compares: the seen captions first, then those of `held_out` in their order."""
    seen, _ = split_training(len(training), config)
    whole = {SEEN_SPLIT: training.rows(seen), **held_out}
    return [Split.of(name, clips, config) for name, clips in whole.items()]


def split_training(count: int, config: CaptionedConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the training clips that bound the scores of the seen captions, and rows that train the matcher.

    At most a quarter of the `count` clips is kept as a bound. Both are sorted.
    """
    order = np.random.default_rng(config.seed).permutation(count)
    bound = min(count // 4, config.real_clips)
    return np.sort(order[:bound]), np.sort(order[bound:][: config.matcher_clips])
