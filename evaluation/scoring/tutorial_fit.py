"""Fits for the tutorial's world, whose motions leave nothing free: one path each, which a clip follows or does not."""

from __future__ import annotations

import numpy as np

from data.worlds.motions import MOTIONS
from data.worlds.tutorial import RADIUS, tutorial_path
from evaluation.scoring.motion_fit import MotionFits, inside_picture, visible_part
from evaluation.scoring.tracker import Tracks


def fit_tutorial(tracks: Tracks) -> MotionFits:
    """Compare N clips with the one path of each motion, in all frames in which that is in the picture.

    Motions with the same path (the circle neither turns nor changes its size) fit equally well.
    """
    size, count = tracks.frame_size, len(tracks.seen)
    frames = tracks.seen.shape[1]
    paths = np.stack([tutorial_path(motion, frames=frames, frame_size=size) for motion in MOTIONS]).astype(np.float64)
    radii = np.full(paths.shape[:2], float(RADIUS))
    _, shift = visible_part(paths, radii, frame_size=size)
    squared = ((tracks.centroids[:, None] - paths - shift) ** 2).sum(axis=-1)  # (N, M, T)
    judged = inside_picture(paths, frame_size=size) & tracks.seen[:, None]
    enough = judged.sum(axis=-1) >= max(min(frames // 2, 5), 2)
    rmse = np.sqrt(np.where(judged, squared, 0).sum(axis=-1) / np.maximum(judged.sum(axis=-1), 1))
    return MotionFits(
        rmse=np.where(enough, rmse, np.inf),
        centres=np.broadcast_to(paths, (count, *paths.shape)),
        radii=np.broadcast_to(radii, (count, *radii.shape)),
        frame_size=size,
    )
