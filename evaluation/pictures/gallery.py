"""The pictures of an evaluation: videos of the first samples, a contact sheet, and a moving page of all prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.selection import evenly_spread
from data.worlds.clips import make_clips_for
from data.worlds.prompts import CONJUNCTION
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.evaluate import Sampler, draw_samples
from evaluation.pictures.contact_sheet import contact_sheet
from evaluation.pictures.encoders import Frames
from evaluation.pictures.moving_page import moving_page
from evaluation.pictures.videos import write_pictures, write_videos
from evaluation.scoring.clip_scores import FAULTS, ClipScores, score_clips
from evaluation.scoring.motion_fit import NO_MOTION

MOST_NOTES = 2


def write_gallery(folder: Path, *, sampler: Sampler, world: WorldConfig, config: EvaluationConfig) -> list[Path]:
    """Write the first `config.videos_per_prompt` samples per prompt to `folder`, and two pictures of all prompts.

    These are the first samples that `evaluate` scores with the same sampler and config; none is left out. At most
    `config.shown_prompts` prompts per tier are shown, evenly spread over the tier.

    * `*.mp4`, `*.gif`, `*.avi` and `clips.npz` hold all of these samples.
    * `contact-sheet.png` shows the first sample per prompt beside a real clip, and marks failures.
    * `all-prompts.gif` plays the first sample per prompt on one page.

    Returns:
        The files written; none if `config.videos_per_prompt` is 0.

    Raises:
        ValueError: the sampler returned frames of another shape.
        StorageError: the folder cannot be written.
    """
    count = config.videos_per_prompt
    if count == 0:
        return []
    prompts = [prompt for members in world.tiers.values() for prompt in evenly_spread(members, config.shown_prompts)]
    first_samples: list[Frames] = []

    def batches() -> Iterator[Frames]:
        for prompt in prompts:
            samples = draw_samples(sampler, prompt, count=count, seed=config.seed, world=world)
            first_samples.append(samples[0].copy())
            yield samples

    written = write_videos(
        folder,
        batches(),
        prompts=[prompt for prompt in prompts for _ in range(count)],
        fps=world.fps,
        formats=("mp4", "gif", "avi", "npz"),
    )
    first = np.stack(first_samples)
    scores = score_clips(first, prompts, world)
    passed = scores.joint.tolist()
    sheet = contact_sheet(
        first,
        prompts,
        real=make_clips_for(world, prompts=prompts, seed=config.seed).frames,
        passed=passed,
        notes=what_failed(scores),
    )
    page = moving_page(first, prompts, fps=world.fps, passed=passed)
    return [*written, *write_pictures(folder, sheet=sheet, page=page)]


def what_failed(scores: ClipScores) -> list[str]:
    """For each clip, a few words on what keeps it from joint exact. Empty for clips that pass."""
    notes, faults = [], scores.faults
    for n in range(len(scores.prompts)):
        objects = "object" if scores.count[n] == 1 else "objects"
        words = {
            "motion": _motion_in_words(scores, n),
            "shape": f"shape IoU {scores.shape_iou[n]:.2f}",
            "count": f"seen: {scores.count[n]} {objects}",
            "permanence": f"there in {100 * scores.permanence[n]:.0f} % of frames",
        }
        wrong = [words.get(name, name) for name in FAULTS if faults[name][n]]
        notes.append(", ".join(wrong[:MOST_NOTES]) + (" and more" if len(wrong) > MOST_NOTES else ""))
    return notes


def _motion_in_words(scores: ClipScores, n: int) -> str:
    if scores.predicted[n] == scores.expected[n]:
        path, steps = scores.rmse[n], max(one.step_rmse[n] for one in scores.objects)
        return f"path off by {path:.1f} px" if path >= steps else f"steps off by {steps:.1f} px"
    still = set(scores.predicted[n].split(CONJUNCTION)) == {NO_MOTION}
    return "seen: no motion" if still else f"seen: {scores.predicted[n]}"
