"""Clips as a pure function of world, seed and index. Any worker can make any clip, and gets the same bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.clip_batch import ClipBatch, ObjectBatch
from data.worlds.digits import Half, images_of, outlines
from data.worlds.motions import FACTORS, Path, draw_factors, path_of
from data.worlds.pairs import ATTEMPTS, MOST_HIDDEN_FRAMES, draw_over, hidden_frames
from data.worlds.prompts import Meaning
from data.worlds.renderer import render
from data.worlds.shapes import extents
from data.worlds.tutorial import RADIUS, tutorial_path, tutorial_planes
from data.worlds.wording import captions
from data.worlds.world import WorldConfig

Key = TypeVar("Key", str, tuple[str, str])

_DRAWS = 16  # random numbers per clip, a multiple of the four that one step of Philox gives


def make_clips(world: WorldConfig, *, seed: int, indices: Sequence[int] | NDArray[np.int64]) -> ClipBatch:
    """Make the clips with the given indices, each 0 or more. Their prompts are drawn uniformly.

    Each clip's first caption is its prompt. Its captions in free words follow, if the world has them.
    Digits are drawn from the training half of the images.
    """
    return _render(world, _plan_drawn(world, seed=seed, indices=indices))


def stream_clips(
    world: WorldConfig, *, seed: int, indices: Sequence[int] | NDArray[np.int64], size: int
) -> Iterator[ClipBatch]:
    """Make the clips of `make_clips` in batches of at most `size` clips, so that many clips need little memory."""
    plan = _plan_drawn(world, seed=seed, indices=indices)
    for start in range(0, len(plan.indices), size):
        yield _render(world, _part(plan, slice(start, start + size)))


def make_clips_for(world: WorldConfig, *, prompts: Sequence[str], seed: int) -> ClipBatch:
    """Make real clips of the given prompts, which can be held out. Clip i depends on world, seed, i and prompts[i].

    Digits are drawn from the test half of the images, so an evaluation compares with digits that no training showed.

    Raises:
        PromptError: a prompt does not follow the grammar, or names another number of objects than clips of this world.
    """
    return _render(world, _plan(world, np.arange(len(prompts), dtype=np.int64), tuple(prompts), seed=seed, half="test"))


def _uniforms(seed: int | tuple[int, ...], indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw float64 (N, _DRAWS) in [0, 1). The generator is counter-based: row i needs seed and indices[i] only."""
    if indices.size and indices.min() < 0:
        raise ValueError(f"A clip's index must be 0 or more, not {indices.min()}.")
    key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    raw = np.empty((len(indices), _DRAWS), dtype=np.uint64)
    for run in np.split(np.arange(len(indices)), np.flatnonzero(np.diff(indices) != 1) + 1):
        if run.size:
            counter = int(indices[run[0]]) * (_DRAWS // 4)
            raw[run] = np.random.Philox(key=key, counter=counter).random_raw(run.size * _DRAWS).reshape(-1, _DRAWS)
    return np.asarray((raw >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def _plan_drawn(world: WorldConfig, *, seed: int, indices: Sequence[int] | NDArray[np.int64]) -> ClipBatch:
    indices = np.asarray(indices, dtype=np.int64)
    seen = world.seen_prompts
    numbers = (_uniforms(seed, indices)[:, 0] * len(seen)).astype(np.int64)
    plan = _plan(world, indices, tuple(seen[number] for number in numbers.tolist()), seed=seed, half="train")
    if not world.varied_captions:
        return plan
    scenes, count = {prompt: world.scene_of(prompt) for prompt in set(plan.prompts)}, 1 + world.varied_captions
    texts = (
        captions(scenes[prompt], seed=seed, index=index, count=count)
        for prompt, index in zip(plan.prompts, indices.tolist(), strict=True)
    )
    return replace(plan, captions=tuple(texts))


def _plan(
    world: WorldConfig, indices: NDArray[np.int64], prompts: tuple[str, ...], *, seed: int, half: Half
) -> ClipBatch:
    """Return the clips without their frames."""
    known = {prompt: world.scene_of(prompt) for prompt in set(prompts)}
    objects = [_Object.of(world, [known[prompt][place] for prompt in prompts], half) for place in range(world.objects)]
    if len(objects) == 1:
        objects[0].draw(_uniforms(seed, indices)[:, 1:], np.arange(len(prompts)))
    else:
        _draw_apart(objects, indices, seed=seed)
    return ClipBatch(
        indices=indices,
        frames=np.empty((len(prompts), 0, world.frame_size, world.frame_size, 3), dtype=np.uint8),
        captions=tuple((prompt,) for prompt in prompts),
        splits=tuple("train" for _ in prompts),
        objects=tuple(one.batch() for one in objects),
    )


def _draw_apart(objects: Sequence[_Object], indices: NDArray[np.int64], *, seed: int) -> None:
    """Draw the two objects of each clip until one hides the other in few frames only. See `data.worlds.pairs`."""
    behind, before = objects
    pending = np.arange(len(indices))
    fewest = np.full(len(indices), np.iinfo(np.int64).max)
    for attempt in range(ATTEMPTS):
        if not pending.size:
            return
        trial = [
            one.drawn_anew(_uniforms((seed, attempt, number), indices)[:, 1:], pending)
            for number, one in enumerate(objects)
        ]
        hidden = hidden_frames(*(one.path.rows(pending) for one in trial))
        better = pending[hidden < fewest[pending]]
        behind.take(trial[0], better)
        before.take(trial[1], better)
        fewest[pending] = np.minimum(fewest[pending], hidden)
        pending = pending[fewest[pending] > MOST_HIDDEN_FRAMES * behind.path.radii.shape[1]]


@dataclass(frozen=True)
class _Object:
    """One object of each of N clips while its factors and its path are drawn; float64."""

    world: WorldConfig
    meanings: Sequence[Meaning]
    half: Half
    factors: dict[str, NDArray[np.float64]]
    path: Path

    @classmethod
    def of(cls, world: WorldConfig, meanings: Sequence[Meaning], half: Half) -> _Object:
        shape = (len(meanings), world.frames)
        return cls(
            world,
            meanings,
            half,
            {name: np.full(len(meanings), np.nan) for name in FACTORS},
            Path(np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape)),
        )

    def drawn_anew(self, uniforms: NDArray[np.float64], rows: NDArray[np.int64]) -> _Object:
        """Return an object with the same meanings, and draw its factors and paths in `rows`."""
        fresh = _Object.of(self.world, self.meanings, self.half)
        fresh.draw(uniforms, rows)
        return fresh

    def draw(self, uniforms: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        """Draw factors and paths in `rows`, from the random numbers of all clips: (N, len(FACTORS) or more)."""
        world, size, frames = self.world, self.world.frame_size, self.world.frames
        keys = [(self.meanings[row].motion, self.meanings[row].shape) for row in rows.tolist()]
        for (motion, shape), chosen in _rows_by(keys).items():
            some = rows[chosen]
            if world.laws == "tutorial":  # no factors: the motion alone decides the path
                self.path.centres[some] = tutorial_path(motion, frames=frames, frame_size=size)
                self.path.radii[some] = RADIUS
                continue
            images = self._images(shape, uniforms[some]) if world.digits else None
            reaches = extents(shape) if images is None else outlines().extents[:, images]
            drawn = draw_factors(
                motion, uniforms[some], extents=reaches, frame_size=size, radius=world.radius, ranges=world.ranges
            )
            path = path_of(motion, drawn, extents=reaches, frame_size=size, frames=frames)
            if images is not None:
                drawn["image"] = images.astype(np.float64)
            for name, values in self.factors.items():
                values[some] = drawn.get(name, np.nan)
            self.path.centres[some], self.path.radii[some], self.path.angles[some] = (
                path.centres,
                path.radii,
                path.angles,
            )

    def _images(self, digit: str, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Draw an image of the digit for each clip, int64 (N,)."""
        known = images_of(digit, self.half)
        return known[(uniforms[:, FACTORS.index("image")] * len(known)).astype(np.int64)]

    def take(self, other: _Object, rows: NDArray[np.int64]) -> None:
        """Copy factors and paths of some clips from `other`."""
        for name, values in self.factors.items():
            values[rows] = other.factors[name][rows]
        for mine, theirs in (
            (self.path.centres, other.path.centres),
            (self.path.radii, other.path.radii),
            (self.path.angles, other.path.angles),
        ):
            mine[rows] = theirs[rows]

    def batch(self) -> ObjectBatch:
        return ObjectBatch(
            motions=tuple(meaning.motion for meaning in self.meanings),
            shapes=tuple(meaning.shape for meaning in self.meanings),
            colours=tuple(self.world.colour_of(meaning) for meaning in self.meanings),
            factors={name: values.astype(np.float32) for name, values in self.factors.items()},
            centres=self.path.centres.astype(np.float32),
            radii=self.path.radii.astype(np.float32),
            angles=self.path.angles.astype(np.float32),
        )


def _part(plan: ClipBatch, rows: slice) -> ClipBatch:
    return ClipBatch(
        indices=plan.indices[rows],
        frames=plan.frames[rows],
        captions=plan.captions[rows],
        splits=plan.splits[rows],
        objects=tuple(one.rows(rows) for one in plan.objects),
    )


def _render(world: WorldConfig, plan: ClipBatch) -> ClipBatch:
    if world.laws == "tutorial":
        planes = np.empty((len(plan.indices), world.frames, 3, world.frame_size, world.frame_size), dtype=np.uint8)
        for motion, rows in _rows_by(plan.objects[0].motions).items():
            planes[rows] = tutorial_planes(motion, frames=world.frames, frame_size=world.frame_size)
        return replace(plan, frames=planes.transpose(0, 1, 3, 4, 2))
    frames = _render_object(world, plan.objects[0])
    for one in plan.objects[1:]:
        before = _render_object(world, one).transpose(0, 1, 4, 2, 3)
        frames = draw_over(frames.transpose(0, 1, 4, 2, 3), before).transpose(0, 1, 3, 4, 2)
    return replace(plan, frames=frames)


def _render_object(world: WorldConfig, drawn: ObjectBatch) -> NDArray[np.uint8]:
    """Draw this object alone: uint8 (N, T, S, S, 3), a view of contiguous colour planes."""
    looks = _rows_by(tuple(zip(drawn.shapes, drawn.colours, strict=True)))
    pictures = [
        render(
            centres=drawn.centres[rows],
            radii=drawn.radii[rows],
            angles=drawn.angles[rows],
            shape=shape,
            colour=colour,
            frame_size=world.frame_size,
            images=drawn.factors["image"][rows].astype(np.int64) if world.digits else None,
        )
        for (shape, colour), rows in looks.items()
    ]
    if len(pictures) == 1:
        return pictures[0]
    planes = np.empty((len(drawn.shapes), world.frames, 3, world.frame_size, world.frame_size), dtype=np.uint8)
    frames = planes.transpose(0, 1, 3, 4, 2)
    for rows, some in zip(looks.values(), pictures, strict=True):
        frames[rows] = some
    return frames


def _rows_by(keys: Sequence[Key]) -> dict[Key, NDArray[np.int64]]:
    """Return the rows of each key. The keys are sorted."""
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    which = np.array([numbers[key] for key in keys], dtype=np.int64)
    return {key: np.flatnonzero(which == number) for key, number in numbers.items()}
