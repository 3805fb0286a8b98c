"""Clips that are wrong in one known way, drawn by code that shares nothing with the renderer of the worlds.

A path of a real clip is taken, altered, and painted as polygons with 8 x 8 samples per pixel. `python -m
benchmarks.metric_limits` shows how many of these clips the metric refuses, and the tests demand at least 99 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from data.worlds.clips import make_clips_for
from data.worlds.motions import DIRECTIONS, MOTIONS, ORBITS, SIZES
from data.worlds.shapes import COLOURS
from data.worlds.world import WorldConfig

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]

SAMPLES = 8  # per pixel and axis


@dataclass(frozen=True)
class Drawing:
    """What N clips of one object show, before it is painted.

    Attributes:
        prompts: N prompts.
        motions, shapes: N names each.
        colours: float64 (N, T, 3), RGB.
        centres: float64 (N, T, 2), px.
        radii: float64 (N, T), px, of the circle of equal area. 0 paints nothing.
        angles: float64 (N, T), radians, clockwise.
        size: side of the picture in px.
    """

    prompts: tuple[str, ...]
    motions: tuple[str, ...]
    shapes: tuple[str, ...]
    colours: Floats
    centres: Floats
    radii: Floats
    angles: Floats
    size: int

    @staticmethod
    def of(world: WorldConfig, prompts: Sequence[str], *, seed: int) -> Drawing:
        """The paths of real clips of the prompts."""
        (drawn,) = make_clips_for(world, prompts=prompts, seed=seed).objects
        colours = np.array([COLOURS[colour] for colour in drawn.colours], dtype=np.float64)
        return Drawing(
            prompts=tuple(prompts),
            motions=drawn.motions,
            shapes=drawn.shapes,
            colours=np.repeat(colours[:, None], world.frames, axis=1),
            centres=drawn.centres.astype(np.float64),
            radii=drawn.radii.astype(np.float64),
            angles=drawn.angles.astype(np.float64),
            size=world.frame_size,
        )

    def coverage(self) -> Floats:
        """The share of each pixel that the object covers, float64 (N, T, S, S)."""
        found = np.zeros((*self.radii.shape, self.size, self.size))
        for n, t in np.ndindex(*self.radii.shape):
            if self.radii[n, t] > 0:
                found[n, t] = _polygon(
                    _OUTLINES[self.shapes[n]], self.centres[n, t], self.radii[n, t], self.angles[n, t], self.size
                )
        return found

    def paint(self, frames: Frames | None = None, *, opacity: float = 1.0) -> Frames:
        """Frames, uint8 (N, T, S, S, 3): the object on white, or on `frames`."""
        alpha = opacity * self.coverage()[..., None]
        below = 255.0 if frames is None else frames
        return np.rint(below * (1 - alpha) + self.colours[:, :, None, None] * alpha).astype(np.uint8)


@dataclass(frozen=True)
class Alteration:
    """One way to be wrong.

    Attributes:
        alter: paints altered clips.
        fails: the attributes of which at least one must fail.
        motions: the motions whose clips it makes wrong.
    """

    alter: Callable[[Drawing, np.random.Generator], Frames]
    fails: frozenset[str]
    motions: tuple[str, ...] = MOTIONS


def _corners(number: int, first: float) -> Floats:
    """Points (number, 2) at equal distances on the unit circle, from the angle `first` on."""
    angle = first + np.arange(number) * 2 * np.pi / number
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _unit_area(points: Floats) -> Floats:
    """Scale a polygon to the area of the unit circle."""
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    return np.asarray(points * np.sqrt(np.pi / area))


_OUTLINES = {
    "circle": _unit_area(_corners(96, 0)),
    "square": _unit_area(_corners(4, np.pi / 4)),
    "triangle": _unit_area(_corners(3, -np.pi / 2)),
    "star": _unit_area(_corners(10, -np.pi / 2) * np.where(np.arange(10) % 2, 0.5, 1.0)[:, None]),
    "ellipse": _unit_area(_corners(96, 0) * (1.15, 1 / 1.15)),
}


def _polygon(outline: Floats, centre: Floats, radius: float, angle: float, size: int) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    points = radius * outline @ np.array([[cos, sin], [-sin, cos]]) + centre
    first, last = np.floor(points.min(axis=0)).astype(int) - 1, np.ceil(points.max(axis=0)).astype(int) + 2
    (left, top), (right, bottom) = np.clip(first, 0, size), np.clip(last, 0, size)
    picture = np.zeros((size, size))
    if left < right and top < bottom:
        fine = np.rint(((points - (left, top) + 0.5) * SAMPLES - 0.5) * 256).astype(np.int32)
        canvas = np.zeros(((bottom - top) * SAMPLES, (right - left) * SAMPLES), np.uint8)
        cv2.fillPoly(canvas, [fine], 255, shift=8)
        window = cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        picture[top:bottom, left:right] = window / 255.0
    return picture


def _as_shape(shape: str) -> Callable[[Drawing, np.random.Generator], Frames]:
    return lambda one, _: replace(one, shapes=(shape,) * len(one.prompts)).paint()


def _second_object(opacity: float) -> Callable[[Drawing, np.random.Generator], Frames]:
    def alter(one: Drawing, rng: np.random.Generator) -> Frames:
        """A second one on the point-mirrored path, or 20 px aside where the two would cover each other."""
        mirrored = one.size - 1 - one.centres
        near = np.linalg.norm(mirrored - one.centres, axis=-1).min(axis=1) < 14
        aside = one.centres + np.where(one.centres[:, :1] > one.size / 2, -22, 22)
        other = replace(one, centres=np.where(near[:, None, None], aside, mirrored))
        return other.paint(one.paint(), opacity=opacity)

    return alter


def _jitter(one: Drawing, rng: np.random.Generator) -> Frames:
    return replace(one, centres=one.centres + rng.normal(0, 1, one.centres.shape)).paint()


def _radii(law: Callable[[int], Floats]) -> Callable[[Drawing, np.random.Generator], Frames]:
    return lambda one, _: replace(one, radii=one.radii * law(one.radii.shape[1])).paint()


def _swollen(one: Drawing, rng: np.random.Generator) -> Frames:
    """The radius is a quarter larger in the frame in which the object is nearest to the middle."""
    nearest = np.linalg.norm(one.centres - (one.size - 1) / 2, axis=-1).argmin(axis=1)
    radii = one.radii.copy()
    radii[np.arange(len(radii)), nearest] *= 1.25
    return replace(one, radii=radii).paint()


def _blank(count: int) -> Callable[[Drawing, np.random.Generator], Frames]:
    def alter(one: Drawing, rng: np.random.Generator) -> Frames:
        frames = one.paint()
        inside = ((one.centres > 0) & (one.centres < one.size - 1)).all(axis=-1)
        for n, seen in enumerate(inside):
            frames[n, rng.choice(np.flatnonzero(seen), count, replace=False)] = 255
        return frames

    return alter


def _blurred(one: Drawing, rng: np.random.Generator) -> Frames:
    frames = one.paint()
    return np.stack([[cv2.GaussianBlur(frame, (0, 0), 2.0) for frame in clip] for clip in frames])


def _slow(one: Drawing, rng: np.random.Generator) -> Frames:
    middle = one.centres.mean(axis=1, keepdims=True)
    step = np.abs(np.diff(one.centres, axis=1)).max(axis=(1, 2))[:, None, None]
    return replace(one, centres=middle + (one.centres - middle) * 2.2 / step).paint()


def _teleported(one: Drawing, rng: np.random.Generator) -> Frames:
    centres = one.centres.copy()
    inward = np.where(centres.mean(axis=1) > one.size / 2, -8.0, 8.0)
    for n, at in enumerate(rng.integers(3, 7, len(centres))):
        centres[n, at:] += inward[n]
    return replace(one, centres=centres).paint()


def _bent(one: Drawing, rng: np.random.Generator) -> Frames:
    time = np.linspace(-1, 1, one.radii.shape[1])
    return replace(one, centres=one.centres + (6 * (1 - time**2))[None, :, None] * (0.7, -0.7)).paint()


def _swapped(one: Drawing, rng: np.random.Generator) -> Frames:
    frames = one.paint()
    for n, at in enumerate(rng.integers(3, 6, len(frames))):
        frames[n, [at, at + 1]] = frames[n, [at + 1, at]]
    return frames


def _shuffled(one: Drawing, rng: np.random.Generator) -> Frames:
    return one.paint()[:, [5, 0, 8, 2, 9, 4, 1, 7, 3, 6]]


def _recoloured(
    change: Callable[[Floats, np.random.Generator], Floats],
) -> Callable[[Drawing, np.random.Generator], Frames]:
    return lambda one, rng: replace(one, colours=change(one.colours.copy(), rng)).paint()


def _one_red_frame(colours: Floats, rng: np.random.Generator) -> Floats:
    colours[:, 4] = (220, 0, 60)
    return colours


def _to_purple(colours: Floats, rng: np.random.Generator) -> Floats:
    share = np.linspace(0, 1, colours.shape[1])[None, :, None]
    return np.asarray(colours * (1 - share) + np.array([160.0, 0.0, 255.0]) * share)


def _fragment(one: Drawing, rng: np.random.Generator) -> Frames:
    frames = one.paint()
    for n in range(len(frames)):
        far = [(y, x) for y in (2, one.size - 6) for x in (2, one.size - 6)]
        distances = [np.linalg.norm(one.centres[n] - (x, y), axis=-1).min() for y, x in far]
        y, x = far[int(np.argmax(distances))]
        frames[n, 1:, y : y + 3, x : x + 3] = one.colours[n, 0]
    return frames


def _trail(one: Drawing, rng: np.random.Generator) -> Frames:
    """The object of the first frame stays as a ghost of 15 %."""
    ghost = replace(one, centres=np.repeat(one.centres[:, :1], one.radii.shape[1], axis=1))
    return one.paint(ghost.paint(opacity=0.15))


def _cut(one: Drawing, rng: np.random.Generator) -> Frames:
    """Nothing is drawn to the right of a line that lies 0.2 radii right of the centre."""
    alpha = one.coverage()
    line = (one.centres[..., 0] + 0.2 * one.radii)[..., None, None]
    alpha[np.broadcast_to(np.arange(one.size), alpha.shape) > line] = 0
    return np.rint(255 + alpha[..., None] * (one.colours[:, :, None, None] - 255)).astype(np.uint8)


def _on_background(
    level: Callable[[int, int], Floats],
) -> Callable[[Drawing, np.random.Generator], Frames]:
    def alter(one: Drawing, rng: np.random.Generator) -> Frames:
        background = 255 - level(one.radii.shape[1], one.size)  # (T, S, S)
        shape = (len(one.prompts), *background.shape, 3)
        return one.paint(np.broadcast_to(background[None, ..., None], shape).astype(np.uint8))

    return alter


def _hole(one: Drawing, rng: np.random.Generator) -> Frames:
    white = replace(one, radii=0.55 * one.radii, colours=np.full_like(one.colours, 255))
    return white.paint(one.paint())


def _textured(one: Drawing, rng: np.random.Generator) -> Frames:
    frames, solid = one.paint().astype(np.int64), one.coverage() > 0.5
    spots = solid[..., None] * rng.integers(0, 2, (*solid.shape, 1)) * np.array([130, 0, -130])
    return np.clip(frames + spots, 0, 255).astype(np.uint8)


def _tilted(one: Drawing, rng: np.random.Generator) -> Frames:
    """Every path is turned by 20 degrees around its middle."""
    middle = one.centres.mean(axis=1, keepdims=True)
    cos, sin = np.cos(np.pi / 9), np.sin(np.pi / 9)
    return replace(one, centres=middle + (one.centres - middle) @ np.array([[cos, sin], [-sin, cos]])).paint()


def _dirt(one: Drawing, rng: np.random.Generator) -> Frames:
    frames = one.paint()
    dirty = rng.random(frames.shape[:-1]) < 0.01
    return np.where(dirty[..., None], np.minimum(frames, 120), frames).astype(np.uint8)


def _of(
    alter: Callable[[Drawing, np.random.Generator], Frames], *fails: str, motions: Sequence[str] = MOTIONS
) -> Alteration:
    return Alteration(alter, frozenset(fails), tuple(motions))


_STEADY = tuple(motion for motion in MOTIONS if motion not in SIZES)

ALTERATIONS: dict[str, Alteration] = {
    "drawn as a square": _of(_as_shape("square"), "shape"),
    "drawn as a triangle": _of(_as_shape("triangle"), "shape"),
    "drawn as a star": _of(_as_shape("star"), "shape"),
    "drawn as an ellipse of 1.3 to 1": _of(_as_shape("ellipse"), "shape"),
    "a second, moving object at 45 % opacity": _of(_second_object(0.45), "count"),
    "the same at 10 % opacity": _of(_second_object(0.1), "count"),
    "a second, moving object": _of(_second_object(1.0), "count", "motion"),
    "1 px of Gaussian jitter per axis and frame": _of(_jitter, "motion"),
    "radius drifts from x1.15 to x0.75": _of(_radii(lambda n: np.linspace(1.15, 0.75, n)), "size", motions=_STEADY),
    "radius x0.78 and x1.18 in turns": _of(_radii(lambda n: np.where(np.arange(n) % 2, 1.18, 0.78)), "size"),
    "radius x1.25 in one frame": _of(_swollen, "size"),
    "one frame of ten is blank": _of(_blank(1), "permanence"),
    "three frames of ten are blank": _of(_blank(3), "permanence"),
    "blurred over 2 px": _of(_blurred, "edge"),
    "half transparent": _of(lambda one, _: one.paint(opacity=0.5), "colour", "edge", "count"),
    "three quarters opaque": _of(lambda one, _: one.paint(opacity=0.75), "colour"),
    "speed 2.2 px per frame": _of(_slow, "motion", motions=tuple(DIRECTIONS)),
    "teleport by 8 px per axis": _of(_teleported, "motion"),
    "path bent by 6 px": _of(_bent, "motion"),
    "path turned by 20 degrees": _of(_tilted, "motion", motions=tuple(DIRECTIONS)),
    "frozen": _of(lambda one, _: np.repeat(one.paint()[:, 4:5], one.radii.shape[1], axis=1), "motion"),
    "reversed": _of(lambda one, _: one.paint()[:, ::-1], "motion", motions=(*DIRECTIONS, *ORBITS, *SIZES)),
    "two neighbouring frames swapped": _of(_swapped, "motion", motions=_STEADY),
    "frames in random order": _of(_shuffled, "motion"),
    "one frame is red": _of(_recoloured(_one_red_frame), "colour"),
    "colour drifts to purple": _of(_recoloured(_to_purple), "colour"),
    "spots of another colour inside": _of(_textured, "colour"),
    "a fragment of 3 x 3 px left behind": _of(_fragment, "count"),
    "a ghost of 15 % where it began": _of(_trail, "count", motions=_STEADY),
    "cut at a border that is not there": _of(_cut, "shape"),
    "a hole": _of(_hole, "shape", "colour"),
    "grey background of 12 levels": _of(_on_background(lambda t, s: np.full((t, s, s), 12.0)), "background"),
    "background darkens by 2 levels per frame": _of(
        _on_background(lambda t, s: np.arange(t)[:, None, None] * 2.0 * np.ones((s, s))), "background", "count"
    ),
    "background with a gradient of 30 levels": _of(
        _on_background(lambda t, s: np.ones((t, s, 1)) * np.linspace(0, 30, s)), "background", "count"
    ),
    "dirt on 1 % of the pixels": _of(_dirt, "count"),
}
