"""Motion fits for the tutorial's world. There each motion has exactly one path, so nothing is fitted, only compared."""

from __future__ import annotations

import numpy as np

from data.worlds.motions import MOTIONS
from data.worlds.tutorial import RADIUS, tutorial_path
from evaluation.scoring.motion_fit import MotionFits, fewest_frames, inside_picture, rms, visible_part
from evaluation.scoring.tracker import Tracks


def fit_tutorial(tracks: Tracks) -> MotionFits:
    """Compare N clips with the path of each motion, in all frames in which the path is in the picture.

    Rotating, shrinking and expanding have the same path here, because the circle is drawn without any change. So they
    fit equally well.
    """
    size, count = tracks.frame_size, len(tracks.seen)
    frames = tracks.seen.shape[1]
    paths = np.stack([tutorial_path(motion, frames=frames, frame_size=size) for motion in MOTIONS]).astype(np.float64)
    radii = np.full(paths.shape[:2], RADIUS + 0.5)  # Pillow draws a circle of 2 * RADIUS + 1 px
    _, shift = visible_part(paths, radii, frame_size=size)
    error = tracks.centroids[:, None] - paths - shift  # (N, M, T, 2)
    judged = inside_picture(paths, frame_size=size) & tracks.seen[:, None]
    enough = judged.sum(axis=-1) >= fewest_frames(frames)
    both = judged[..., 1:] & judged[..., :-1]
    return MotionFits(
        rmse=np.where(enough, rms((error**2).sum(axis=-1), judged), np.inf),
        step_rmse=np.where(enough, rms((np.diff(error, axis=-2) ** 2).sum(axis=-1), both), np.inf),
        centres=np.broadcast_to(paths, (count, *paths.shape)),
        radii=np.broadcast_to(radii, (count, *radii.shape)),
        frame_size=size,
    )
