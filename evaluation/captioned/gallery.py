"""The pictures of an evaluation against captioned clips: videos, and a contact sheet beside real clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from evaluation.captioned.clips import CaptionedClips, Frames
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.split import Sampler, all_splits
from evaluation.pictures.contact_sheet import contact_sheet
from evaluation.pictures.moving_page import moving_page
from evaluation.pictures.videos import write_pictures, write_videos


def write_captioned_gallery(
    folder: Path,
    *,
    sampler: Sampler,
    training: CaptionedClips,
    held_out: Mapping[str, CaptionedClips],
    config: CaptionedConfig,
    fps: float,
    videos: int,
) -> list[Path]:
    """Write samples of some captions of each split to `folder`, and two pictures of all of these captions.

    These are the first samples that `evaluate_captioned` scores with the same arguments. None is left out.

    * `*.mp4`, `*.gif`, `*.avi` and `clips.npz` hold the samples.
    * `contact-sheet.png` shows the first sample of each caption beside a real clip of that caption.
    * `all-prompts.gif` plays the first sample of each caption on one page.

    Args:
        folder: where to write.
        sampler: draws the clips.
        training: see `evaluate_captioned`.
        held_out: see `evaluate_captioned`.
        config: chooses captions and noise.
        fps: frames per second of the videos.
        videos: number of samples per caption. 0 writes nothing.

    Returns:
        The files written.

    Raises:
        ValueError: the sampler returned frames of another shape.
        StorageError: the folder cannot be written.
    """
    if not videos:
        return []
    splits = all_splits(training=training, held_out=held_out, config=config)
    shown = [split.shown for split in splits]
    first: list[Frames] = []

    def batches() -> Iterator[Frames]:
        for split, names in zip(splits, shown, strict=True):
            for turn in range(videos):
                for drawn, frames in split.draw_turn(sampler, turn):
                    chosen = [row for row, caption in enumerate(drawn) if caption in names]
                    if turn == 0:
                        first.extend(frames[chosen])
                    yield frames[chosen]

    prompts = [caption for names in shown for _ in range(videos) for caption in names]
    written = write_videos(folder, batches(), prompts=prompts, fps=fps, formats=("mp4", "gif", "avi", "npz"))
    real = [
        split.clips.frames[split.real_rows[split.real_captions.index(caption)]]
        for split, names in zip(splits, shown, strict=True)
        for caption in names
    ]
    labels = [f"{split.name}: {caption}" for split, names in zip(splits, shown, strict=True) for caption in names]
    sheet = contact_sheet(np.stack(first), labels, real=np.stack(real))
    page = moving_page(np.stack(first), [caption for names in shown for caption in names], fps=fps)
    return [*written, *write_pictures(folder, sheet=sheet, page=page)]
