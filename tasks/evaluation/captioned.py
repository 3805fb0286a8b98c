"""The evaluation of a model against the clips of a data set. No renderer is needed, and no exact metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from data.reading.dataset import ClipTensors, load_splits
from data.shards.manifest import Manifest
from evaluation.captioned.clips import CaptionedClips
from evaluation.captioned.evaluate import evaluate_captioned
from evaluation.captioned.gallery import write_captioned_gallery
from evaluation.captioned.markdown import captioned_markdown
from evaluation.captioned.report import CaptionedReport
from evaluation.config import EvaluationConfig
from models.sampling import TextToVideo
from tasks.progress.progress import ReportProgress

MOST_BYTES = 2**31
"""Clips of a split are compared up to this size: 17,000 clips of 10 frames at 64x64 px. They are spread evenly."""


class OtherFormatError(ValueError):
    """A model draws clips of another format than the data set has. The message names both."""


def score_on_dataset(
    generator: TextToVideo, folder: Path, *, config: EvaluationConfig, out: Path, report: ReportProgress
) -> tuple[CaptionedReport, str]:
    """Score a model on the captions of a data set, and write videos and pictures to `out`.

    Args:
        generator: the model.
        folder: the data set.
        config: how many clips are drawn and shown.
        out: folder for the pictures.
        report: called with the progress.

    Returns:
        The report, and the same as Markdown.

    Raises:
        OtherFormatError: the model draws other clips than the data set has.
        ValueError: the data set has too few clips or captions.
    """
    splits = load_splits(folder)
    manifest = splits["train"].manifest
    if generator.format != manifest.clip:
        raise OtherFormatError(_other_format(generator, manifest))
    training = captioned_clips(splits["train"])
    held_out = {str(name): captioned_clips(clips) for name, clips in splits.items() if name != "train" and len(clips)}
    del splits  # They hold all clips, and those that are compared have been copied.

    def sampler(captions: Sequence[str], seed: int) -> NDArray[np.uint8]:
        # Held-out captions hold words that no training caption has. The model reads the other words then.
        return generator.generate(captions, seed=seed, unknown_words="ignore")

    scores = evaluate_captioned(
        sampler,
        training=training,
        held_out=held_out,
        config=config.captioned,
        dataset=manifest.digest,
        report=report,
    )
    write_captioned_gallery(
        out,
        sampler=sampler,
        training=training,
        held_out=held_out,
        config=config.captioned,
        fps=manifest.clip.fps,
        videos=config.videos_per_prompt,
    )
    return scores, captioned_markdown(scores)


def captioned_clips(clips: ClipTensors, *, most_bytes: int = MOST_BYTES) -> CaptionedClips:
    """The clips of a split with their captions, evenly spread over it if all would take more than `most_bytes`."""
    clip = clips.manifest.clip
    count = min(len(clips), max(most_bytes // clip.bytes, 1))
    rows = np.linspace(0, len(clips) - 1, count).round().astype(np.int64)
    frames = np.empty((count, *clip.shape), np.uint8)
    for start in range(0, count, 256):
        part = clips.of_rows(rows[start : start + 256])
        frames[start : start + len(part)] = part
    captions = cast(list[list[str]], clips.captions.take(rows).to_pylist())
    return CaptionedClips(frames, tuple(tuple(names) for names in captions))


def _other_format(generator: TextToVideo, manifest: Manifest) -> str:
    return (
        f"The model draws {generator.format} at {generator.format.fps:g} fps, but the clips of the data set "
        f"{manifest.digest[:16]} have {manifest.clip} at {manifest.clip.fps:g} fps. Name a data set of the same format."
    )
