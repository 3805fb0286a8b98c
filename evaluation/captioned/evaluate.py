"""A whole evaluation without a renderer: draw clips for captions, and score them beside real clips.

The matcher is trained on real training clips. Those that bound the scores of the seen captions are kept from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from evaluation.captioned.clips import FEWEST_CAPTIONS, FEWEST_CLIPS, CaptionedClips
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.consistency import consistency
from evaluation.captioned.diversity import captioned_diversity
from evaluation.captioned.frechet import captioned_frechet
from evaluation.captioned.matcher import Matcher, train_matcher
from evaluation.captioned.memorisation import captioned_memorisation
from evaluation.captioned.observed import Observed
from evaluation.captioned.report import BEST, SEEN_SPLIT, WORST, CaptionedReport, SplitScores
from evaluation.captioned.retrieval import Candidates, retrieval
from evaluation.captioned.split import Sampler, Split, all_splits, split_training
from evaluation.scoring.frechet import shuffle_frames

Floats = NDArray[np.float64]
ReportProgress = Callable[[int, int, str], None]
"""(done, total, what is being done)."""

_CLIPS_AT_ONCE = 128


def evaluate_captioned(
    sampler: Sampler,
    *,
    training: CaptionedClips,
    held_out: Mapping[str, CaptionedClips],
    config: CaptionedConfig,
    dataset: str = "",
    matcher: Matcher | None = None,
    report: ReportProgress | None = None,
) -> CaptionedReport:
    """Draw clips for the captions of all splits, and score them beside their bounds.

    Args:
        sampler: draws the clips, up to 128 captions per call.
        training: the clips on which the model was trained, at least 8 with at least two captions.
        held_out: clips that the model has not seen, by the split's name, for example "validation" and "test". They
            have the shape of the training clips.
        config: the number of clips, and their seed.
        dataset: digest of the data set to which the clips belong, for the report.
        matcher: from `matcher_for` with the same training clips and config, to judge several models. None trains it.
        report: called with the progress before each split.

    Raises:
        ValueError: a split is named "seen", clips differ in shape, there are too few training clips or captions, or the
            sampler returned frames of another shape or number.
    """
    tell = report or (lambda done, total, text: None)
    _check(training, held_out)
    total = 2 + len(held_out)
    if matcher is None:
        tell(0, total, "training the matcher on real clips")
        matcher = matcher_for(training, config)
    kept, _ = split_training(len(training), config)
    scored = []
    for number, split in enumerate(all_splits(training=training, held_out=held_out, config=config)):
        name, clips = split.name, split.clips
        tell(number + 1, total, f"clips of the split {name!r}")
        parts = list(_draw(sampler, split, matcher, shuffle=name == SEEN_SPLIT))
        if name == SEEN_SPLIT:
            shuffled = np.concatenate([features for _, features in parts])
            generated_features = np.concatenate([part.features for part, _ in parts])
            frechet = captioned_frechet(generated_features, shuffled, matcher.read_clips(clips.frames)[0])
        scored.append(
            _score_split(
                split,
                Observed.joined([part for part, _ in parts]),
                matcher,
                training=training,
                training_rows=kept if name == SEEN_SPLIT else None,
            )
        )
    tell(total, total, "done")
    return CaptionedReport(dataset=dataset, config=config, splits=tuple(scored), frechet=frechet)


def matcher_for(training: CaptionedClips, config: CaptionedConfig) -> Matcher:
    """Train the matcher of an evaluation. It depends on the training clips and on the config alone."""
    _, rest = split_training(len(training), config)
    return train_matcher(training, rows=rest, seed=config.seed, steps=config.matcher_steps)


def _check(training: CaptionedClips, held_out: Mapping[str, CaptionedClips]) -> None:
    if len(training) < FEWEST_CLIPS or len(training.distinct) < FEWEST_CAPTIONS:
        raise ValueError(
            f"{len(training)} training clips with {len(training.distinct)} captions are too few: a matcher needs at "
            f"least {FEWEST_CLIPS} clips and {FEWEST_CAPTIONS} captions"
        )
    for name, clips in held_out.items():
        if name == SEEN_SPLIT:
            raise ValueError(f"a held-out split cannot be named {SEEN_SPLIT!r}, which stands for the training captions")
        if clips.frames.shape[1:] != training.frames.shape[1:]:
            raise ValueError(
                f"the clips of {name!r} have the shape {clips.frames.shape[1:]}, the training clips "
                f"{training.frames.shape[1:]}"
            )


def _draw(sampler: Sampler, split: Split, matcher: Matcher, *, shuffle: bool) -> Iterator[tuple[Observed, Floats]]:
    """The drawn clips in parts, and their features with shuffled frames. Without `shuffle`, these are empty."""
    for number, (captions, frames) in enumerate(split.draw(sampler)):
        features = matcher.read_clips(shuffle_frames(frames, seed=number))[0] if shuffle else np.empty((0, 0))
        yield Observed.of(frames, captions, matcher), features


def _score_split(
    split: Split,
    generated: Observed,
    matcher: Matcher,
    *,
    training: CaptionedClips,
    training_rows: NDArray[np.int64] | None,
) -> SplitScores:
    """Score the clips of a split. `training_rows` are the places of the split's clips among the training clips."""
    seed = split.config.seed
    rows, captions = split.real_rows, split.real_captions
    parts = [slice(k, k + _CLIPS_AT_ONCE) for k in range(0, len(rows), _CLIPS_AT_ONCE)]
    real = Observed.joined([Observed.of(split.clips.frames[rows[k]], captions[k], matcher) for k in parts])
    known = split.clips if training_rows is None else training
    candidates = Candidates(known, training, count=split.config.candidates, seed=seed)
    found, per_caption = retrieval(generated, real, candidates, matcher.caption_vectors)
    return SplitScores(
        name=split.name,
        captions=len(split.captions),
        retrieval=found,
        consistency=consistency(generated, real, seed=seed),
        diversity=captioned_diversity(generated, real, seed=seed),
        memorisation=captioned_memorisation(
            generated, real, training.frames, real_rows=None if training_rows is None else training_rows[rows]
        ),
        shown=split.shown,
        worst=per_caption[:WORST],
        best=per_caption[::-1][:BEST],
    )
