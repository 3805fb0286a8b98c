"""Finds out which motion a track follows: each motion is fitted, and the best fit within a few pixels is the answer.

A motion is a family of paths. The fit chooses the values that the world draws at random (start, speed, phase,
amplitude) within the world's own ranges.

* Only frames in which the shape is whole are used for the fit.
* The fit is judged by all frames in which the fitted path is in the picture and nothing hides the shape. There the seen
  centroid is compared with the centroid of the part that the picture's border leaves visible.

All computations run over all clips at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.worlds.motions import BOUNCES, DIRECTIONS, MOTIONS, ORBITS, SIZES, ZIGZAGS, bounce_limits, size_ranges
from data.worlds.world import WorldConfig
from evaluation.scoring.limits import MAX_RMSE, MAX_STEP_RMSE, RANGE_TOLERANCE
from evaluation.scoring.tracker import Tracks

Floats = NDArray[np.float64]

NO_MOTION = "none"
NEAR = 2.5
"""A clip shows a motion, right or wrong, if the RMSE is at most this many px of a 64x64 picture."""
_RADIUS_WEIGHT = 1.5
"""Weight of 1 px of radius against 1 px of position in `shrinking` and `expanding`, whose centre stands still."""
_GRID_CLIPS = 256  # clips whose grid of bounces is in memory at once


@dataclass(frozen=True)
class MotionFit:
    """The best path of one motion for each of N clips.

    Attributes:
        rmse: float64 (N,), px of the actual picture. Infinite if too few frames could be judged.
        step_rmse: float64 (N,), px of the actual picture: RMSE of the centroid's steps from frame to frame. Infinite
            as `rmse`.
        centres: float64 (N, T, 2), px, x and y of the whole shape's centre.
        radii: float64 (N, T), px, the expected radius of the shape.
    """

    rmse: Floats
    step_rmse: Floats
    centres: Floats
    radii: Floats


@dataclass(frozen=True)
class MotionFits:
    """The fits of all M motions for N clips, float64. See `MotionFit`.

    `rmse` and `step_rmse` are (N, M), `centres` is (N, M, T, 2) and `radii` is (N, M, T).
    """

    rmse: Floats
    step_rmse: Floats
    centres: Floats
    radii: Floats
    frame_size: int

    @property
    def best(self) -> NDArray[np.int64]:
        """int64 (N,), index into `MOTIONS` of the motion that fits best, even if it fits badly."""
        return np.asarray(np.argmin(self.rmse, axis=1), dtype=np.int64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """bool (N, M): the clip follows the motion, in its path and in its steps."""
        scale = self.frame_size / 64
        return np.asarray((self.rmse <= MAX_RMSE * scale) & (self.step_rmse <= MAX_STEP_RMSE * scale))

    @property
    def recognised(self) -> NDArray[np.int64]:
        """int64 (N,), index into `MOTIONS` of the motion that a clip shows, right or wrong; -1 if it shows none."""
        best = np.argmin(self.rmse, axis=1)
        near = self.rmse[np.arange(len(best)), best] <= NEAR * self.frame_size / 64
        return np.where(near, best, -1)

    def of(self, motion: NDArray[np.int64]) -> MotionFit:
        """The fit of one motion per clip, given as indices (N,) into `MOTIONS`."""
        rows = np.arange(len(motion))
        return MotionFit(
            self.rmse[rows, motion],
            self.step_rmse[rows, motion],
            self.centres[rows, motion],
            self.radii[rows, motion],
        )


def fit_motions(tracks: Tracks, extents: Floats, world: WorldConfig) -> MotionFits:
    """Fit every motion to every clip.

    Args:
        tracks: tracks of N clips of T frames.
        extents: float64 (4, N), how far the object of each clip reaches to the left, right, up and down, in units of
            its radius. Where a bouncing object turns round depends on it.
        world: its ranges of speeds, sizes and places limit the paths.
    """
    fitter = _Fitter(tracks, extents, world)
    fits = [fitter.fit(motion) for motion in MOTIONS]
    return MotionFits(
        rmse=np.stack([fit.rmse for fit in fits], axis=1),
        step_rmse=np.stack([fit.step_rmse for fit in fits], axis=1),
        centres=np.stack([fit.centres for fit in fits], axis=1),
        radii=np.stack([fit.radii for fit in fits], axis=1),
        frame_size=tracks.frame_size,
    )


def visible_part(centres: Floats, radii: Floats, *, frame_size: int) -> tuple[Floats, Floats]:
    """The part of a disc that the picture's border leaves visible.

    Args:
        centres: float64 (..., 2), px.
        radii: float64 (...), px.
        frame_size: side of the picture in px. The picture spans -0.5 to frame_size - 0.5.

    Returns:
        The visible fraction of the area, float64 (...), and the shift (..., 2) in px from the disc's centre to the
        visible part's centroid. Both are exact at one border (circular segment). At a corner the two fractions are
        multiplied.
    """
    fraction = np.ones_like(radii)
    shift = np.zeros_like(centres)
    for axis in (0, 1):
        for inward, distance in ((1, centres[..., axis] + 0.5), (-1, frame_size - 0.5 - centres[..., axis])):
            u = np.clip(distance / radii, -1, 1)
            kept = 1 - (np.arccos(u) - u * np.sqrt(1 - u**2)) / np.pi
            fraction = fraction * kept
            moment = 2 / 3 * radii * (1 - u**2) ** 1.5 / np.pi
            shift[..., axis] += inward * moment / np.maximum(kept, 1e-3)
    return np.asarray(fraction), shift


def inside_picture(centres: Floats, *, frame_size: int) -> NDArray[np.bool_]:
    """bool (...): the centre (..., 2) is inside the picture."""
    return np.asarray(((centres >= -0.5) & (centres <= frame_size - 0.5)).all(axis=-1))


def fewest_frames(frames: int) -> int:
    """How many of a clip's frames must be usable for a fit: half of them, but at least 2 and at most 5."""
    return max(min(frames // 2, 5), 2)


def rms(squared: Floats, judged: NDArray[np.bool_]) -> Floats:
    """The root of the mean over the judged frames, (..., T) to (...). 0 if there are none."""
    return np.asarray(np.sqrt(np.where(judged, squared, 0).sum(axis=-1) / np.maximum(judged.sum(axis=-1), 1)))


class _Fitter:
    """The tracks of N clips, prepared for the fits of all motions."""

    def __init__(self, tracks: Tracks, extents: Floats, world: WorldConfig) -> None:
        self.size = tracks.frame_size
        self.scale = self.size / 64
        self.ranges, self.extents, self.digits = world.ranges, extents, world.digits
        self.seen, self.hidden = tracks.seen, tracks.hidden
        self.observed = tracks.centroids
        self.radii = tracks.radii
        self.weight = tracks.whole.astype(np.float64)  # (N, T)
        self.total = np.maximum(self.weight.sum(axis=1), 1)
        self.points = np.where(tracks.whole[..., None], tracks.centroids, 0.0)  # (N, T, 2)
        self.count, self.frames = self.weight.shape
        self.time = np.arange(self.frames, dtype=np.float64)
        self.enough = fewest_frames(self.frames)
        mean = (np.where(tracks.whole, self.radii, 0).sum(axis=1)) / self.total
        low, high = self.lengths(world.radius)
        self.radius = np.clip(mean, low, high)[:, None] * np.ones(self.frames)

    def lengths(self, bounds: tuple[float, float]) -> tuple[float, float]:
        """A range of lengths of the world, in px of the actual picture, with its tolerance."""
        return self.scale * bounds[0] * (1 - RANGE_TOLERANCE), self.scale * bounds[1] * (1 + RANGE_TOLERANCE)

    def mean(self, values: Floats) -> Floats:
        """Mean over the frames in which the shape is whole, (N, T, ...) to (N, 1, ...)."""
        weight = self.weight.reshape(*self.weight.shape, *[1] * (values.ndim - 2))
        mean = (values * weight).sum(axis=1, keepdims=True) / self.total.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(mean)

    def fit(self, motion: str) -> MotionFit:
        if motion in DIRECTIONS:
            return self.judge(self.direction(np.array(DIRECTIONS[motion], dtype=np.float64)))
        if motion in ORBITS:
            return self.judge(self.orbit(ORBITS[motion]))
        if motion in SIZES:
            return self.resize(motion)
        if motion in BOUNCES:
            axis = BOUNCES[motion]
            return self.judge(self.on_axis(axis, self.bounce(axis), self.level(1 - axis)))
        axis = ZIGZAGS[motion]
        return self.judge(self.on_axis(axis, self.advance(axis), self.wave(1 - axis)))

    def judge(self, centres: Floats) -> MotionFit:
        """Compare a path (N, T, 2) with the track in all frames in which the path is in the picture.

        Digits stay in the picture, so the border never cuts them.
        """
        if self.digits:
            return self.compared(centres, self.observed - centres, self.radius)
        _, shift = visible_part(centres, self.radius, frame_size=self.size)
        return self.compared(centres, self.observed - centres - shift, self.radius)

    def compared(self, centres: Floats, error: Floats, radii: Floats, swelling: Floats | float = 0.0) -> MotionFit:
        """The fit whose centroids differ from the seen ones by `error` (N, T, 2), and its radii by `swelling`."""
        judged = inside_picture(centres, frame_size=self.size) & self.seen & ~self.hidden
        trusted = (judged.sum(axis=1) >= self.enough) & (self.weight.sum(axis=1) >= self.enough)
        both = judged[:, 1:] & judged[:, :-1]
        steps = np.diff(error, axis=1)
        return MotionFit(
            np.where(trusted, rms((error**2).sum(axis=-1) + swelling**2, judged), np.inf),
            np.where(trusted & both.any(axis=1), rms((steps**2).sum(axis=-1), both), np.inf),
            centres,
            radii,
        )

    def direction(self, step: Floats) -> Floats:
        moment = self.time - (self.frames - 1) / 2
        drift = (moment - self.mean(np.broadcast_to(moment, self.weight.shape)))[..., None]  # (N, T, 1)
        offset = self.points - self.mean(self.points)
        weight = self.weight[..., None]
        speed = (weight * drift * offset * step).sum(axis=(1, 2)) / np.maximum(
            (weight * drift**2).sum(axis=(1, 2)) * (step**2).sum(), 1e-9
        )
        speed = np.clip(speed, *self.lengths(self.ranges.direction_speed))[:, None, None]
        return np.asarray(self.mean(self.points) + drift * speed * step)

    def orbit(self, turn: int) -> Floats:
        centre = (self.size - 1) / 2
        z = (self.points[..., 0] - centre) + 1j * (self.points[..., 1] - centre)  # (N, T)
        low, high = np.deg2rad(self.ranges.orbit_angular_speed) * (1 - RANGE_TOLERANCE, 1 + RANGE_TOLERANCE)
        best = np.full(self.count, np.inf)
        path = np.zeros((self.count, self.frames), np.complex128)
        for rate in np.linspace(low, high, 45):  # steps of about a quarter of a degree per frame
            spin = np.exp(1j * turn * rate * self.time)
            arm = (self.weight * z * spin.conj()).sum(axis=1) / self.total
            length = np.maximum(np.abs(arm), 1e-9)
            arm = arm / length * np.clip(length, *self.lengths(self.ranges.orbit_radius))
            candidate = arm[:, None] * spin
            error = (self.weight * np.abs(z - candidate) ** 2).sum(axis=1)
            better = error < best
            best = np.where(better, error, best)
            path = np.where(better[:, None], candidate, path)
        return np.stack([centre + path.real, centre + path.imag], axis=-1)

    def resize(self, motion: str) -> MotionFit:
        centres = self.mean(self.points) + np.zeros((1, self.frames, 1))
        first, last = size_ranges(motion, self.ranges)
        share = self.time / max(self.frames - 1, 1)
        design = np.stack([1 - share, share], axis=-1)  # (T, 2): the radius changes linearly from start to end
        ends = self.least_squares(np.broadcast_to(design, (self.count, self.frames, 2)), self.radii)
        start, end = np.clip(ends[:, 0], *self.lengths(first)), np.clip(ends[:, 1], *self.lengths(last))
        radii = start[:, None] * (1 - share) + end[:, None] * share
        swelling = np.where(self.seen, _RADIUS_WEIGHT * (self.radii - radii), 0.0)
        return self.compared(centres, self.observed - centres, radii, swelling)

    def least_squares(self, design: Floats, values: Floats) -> Floats:
        """Coefficients (N, K) of the weighted least squares fit of values (N, T) by a design (N, T, K)."""
        weighted = design * self.weight[..., None]
        normal = np.einsum("ntk,ntl->nkl", weighted, design) + 1e-9 * np.eye(design.shape[-1])
        right = np.einsum("ntk,nt->nk", weighted, np.where(self.weight > 0, values, 0))
        return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])

    def level(self, axis: int) -> Floats:
        """A coordinate that does not change."""
        return self.mean(self.points[..., axis]) + np.zeros(self.frames)

    def advance(self, axis: int) -> Floats:
        """A coordinate that moves at a zigzag's speed, in either direction."""
        values = self.points[..., axis]
        drift = self.time - self.mean(np.broadcast_to(self.time, self.weight.shape))
        speed = (self.weight * drift * (values - self.mean(values))).sum(axis=1)
        speed = speed / np.maximum((self.weight * drift**2).sum(axis=1), 1e-9)
        speed = np.where(speed < 0, -1, 1) * np.clip(np.abs(speed), *self.lengths(self.ranges.zigzag_speed))
        return np.asarray(self.mean(values) + drift * speed[:, None])

    def wave(self, axis: int) -> Floats:
        """A coordinate that follows a triangle wave.

        The period is 4 frames, so the wave takes the values a, b, -a, -b around its mean. At every phase, a triangle
        wave of amplitude A has |a| + |b| = A.
        """
        quarter = np.pi / 2 * self.time
        shape = np.stack([np.ones(self.frames), np.rint(np.cos(quarter)), np.rint(np.sin(quarter))], axis=-1)  # (T, 3)
        values = self.points[..., axis]
        found = self.least_squares(np.broadcast_to(shape, (self.count, self.frames, 3)), values)[:, 1:]
        amplitude = np.maximum(np.abs(found).sum(axis=1, keepdims=True), 1e-9)
        swing = (found / amplitude * np.clip(amplitude, *self.lengths(self.ranges.zigzag_amplitude))) @ shape[:, 1:].T
        return np.asarray(self.mean(values - swing) + swing)

    def bounce(self, axis: int) -> Floats:
        """A coordinate that is reflected between the borders.

        A grid search finds phase and speed, and Gauss-Newton steps refine them.
        """
        low, high = bounce_limits(axis, self.extents[..., None], self.radius[:, :1], frame_size=self.size)
        span = high - low
        values = self.points[..., axis] - low
        slowest, fastest = self.lengths(self.ranges.bounce_speed)
        speeds = np.linspace(slowest, fastest, 5)
        phases = np.arange(64) / 32  # in units of the span; one period is two spans
        unfolded = np.empty((self.count, 2))  # phase px, speed px per frame
        for first in range(0, self.count, _GRID_CLIPS):
            some = slice(first, first + _GRID_CLIPS)
            start = (phases * span[some])[:, :, None, None] + speeds[:, None] * self.time  # (n, P, V, T)
            path = _fold(start, span[some, :, None, None])
            error = ((path - values[some, None, None, :]) ** 2 * self.weight[some, None, None, :]).sum(axis=-1)
            phase, speed = np.divmod(error.reshape(len(error), -1).argmin(axis=1), len(speeds))
            unfolded[some] = np.stack([phases[phase] * span[some, 0], speeds[speed]], axis=-1)
        phase, speed = unfolded[:, :1], unfolded[:, 1:]
        best_error = np.full((self.count, 1), np.inf)
        best = np.zeros((self.count, self.frames))
        for _ in range(6):
            travelled = phase + speed * self.time
            path = _fold(travelled, span)
            error = (self.weight * (values - path) ** 2).sum(axis=1, keepdims=True)
            best = np.where(error < best_error, path, best)
            best_error = np.minimum(error, best_error)
            direction = np.where(
                travelled % (2 * span) < span, 1.0, -1.0
            )  # d path / d phase; d path / d speed is direction * t
            step = self.least_squares(np.stack([direction, direction * self.time], axis=-1), values - path)
            faster = np.clip(speed + step[:, 1:], slowest, fastest)
            shift = self.mean(direction * (values - path) - (faster - speed) * self.time)  # best for the clipped speed
            phase, speed = phase + shift, faster
        return np.asarray(low + best)

    @staticmethod
    def on_axis(axis: int, along: Floats, across: Floats) -> Floats:
        return np.stack([along, across] if axis == 0 else [across, along], axis=-1)


def _fold(position: Floats, span: Floats) -> Floats:
    """Fold a travelled distance into [0, span], reflected at both ends."""
    return np.asarray(span - np.abs(span - position % (2 * span)))
