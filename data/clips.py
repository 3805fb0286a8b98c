"""Clips as a pure function of (world, seed, index): any worker makes any of them, in any order, bit for bit alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.motions import FACTORS, draw_factors, path_of
from data.renderer import render
from data.tutorial import RADIUS, tutorial_clip
from data.world import WorldConfig

Key = TypeVar("Key", str, tuple[str, str])

_DRAWS = 16  # random numbers a clip; a multiple of the four that one step of Philox gives


@dataclass(frozen=True)
class ClipBatch:
    """Some clips with all that is known about them.

    indices: int64 (N,); frames: uint8 (N, T, S, S, 3) RGB; prompts, motions, shapes, colours: N strings each;
    factors: float32 (N,) per name in `FACTORS`, NaN where the motion does not use it (px, px per frame, radians);
    centres: float32 (N, T, 2) as (x, y) px; radii: float32 (N, T) px; angles: float32 (N, T) radians.
    """

    indices: NDArray[np.int64]
    frames: NDArray[np.uint8]
    prompts: tuple[str, ...]
    motions: tuple[str, ...]
    shapes: tuple[str, ...]
    colours: tuple[str, ...]
    factors: dict[str, NDArray[np.float32]]
    centres: NDArray[np.float32]
    radii: NDArray[np.float32]
    angles: NDArray[np.float32]


def make_clips(world: WorldConfig, *, seed: int, indices: Sequence[int] | NDArray[np.int64]) -> ClipBatch:
    """Clips with the given indices (each >= 0) of the endless data set (world, seed), their prompts drawn uniformly."""
    return _render(world, _plan_drawn(world, seed=seed, indices=indices))


def stream_clips(
    world: WorldConfig, *, seed: int, indices: Sequence[int] | NDArray[np.int64], size: int
) -> Iterator[ClipBatch]:
    """What `make_clips` makes, in batches of up to `size` clips, so that memory does not grow with their number."""
    plan = _plan_drawn(world, seed=seed, indices=indices)
    for start in range(0, len(plan.indices), size):
        yield _render(world, _part(plan, slice(start, start + size)))


def make_clips_for(world: WorldConfig, *, prompts: Sequence[str], seed: int) -> ClipBatch:
    """Real clips of the given prompts, held-out ones too; clip i is a function of (world, seed, i, prompts[i]).

    Raises:
        PromptError: a prompt is not of the grammar.
    """
    indices = np.arange(len(prompts), dtype=np.int64)
    return _render(world, _plan(world, indices, tuple(prompts), _uniforms(seed, indices)[:, 1:]))


def _uniforms(seed: int, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 (N, _DRAWS) in [0, 1): row i depends on (seed, indices[i]) alone, through a counter-based generator."""
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
    uniforms = _uniforms(seed, indices)
    seen = world.seen_prompts
    prompts = tuple(seen[number] for number in (uniforms[:, 0] * len(seen)).astype(np.int64).tolist())
    return _plan(world, indices, prompts, uniforms[:, 1:])


def _plan(
    world: WorldConfig, indices: NDArray[np.int64], prompts: tuple[str, ...], uniforms: NDArray[np.float64]
) -> ClipBatch:
    """Clips with all but their frames."""
    meanings = {prompt: world.meaning_of(prompt) for prompt in set(prompts)}
    count, size, frames = len(prompts), world.frame_size, world.frames
    factors = {name: np.full(count, np.nan, dtype=np.float32) for name in FACTORS}
    centres = np.zeros((count, frames, 2), dtype=np.float32)
    radii, angles = (np.zeros((count, frames), dtype=np.float32) for _ in range(2))
    motions = tuple(meanings[prompt].motion for prompt in prompts)
    shapes = tuple(meanings[prompt].shape for prompt in prompts)
    for (motion, shape), rows in _rows_by(tuple(zip(motions, shapes, strict=True))).items():
        if world.laws == "tutorial":  # draws no factors: the motion decides everything
            centres[rows], radii[rows] = tutorial_clip(motion, frames=frames, frame_size=size)[1], RADIUS
            continue
        drawn = draw_factors(
            motion, uniforms[rows], shape=shape, frame_size=size, radius=world.radius, ranges=world.ranges
        )
        path = path_of(motion, drawn, shape=shape, frame_size=size, frames=frames)
        for name, values in drawn.items():
            factors[name][rows] = values
        centres[rows], radii[rows], angles[rows] = path.centres, path.radii, path.angles
    return ClipBatch(
        indices=indices,
        frames=np.empty((count, 0, size, size, 3), dtype=np.uint8),
        prompts=prompts,
        motions=motions,
        shapes=shapes,
        colours=tuple(world.colour_of(meanings[prompt]) for prompt in prompts),
        factors=factors,
        centres=centres,
        radii=radii,
        angles=angles,
    )


def _part(plan: ClipBatch, rows: slice) -> ClipBatch:
    return ClipBatch(
        indices=plan.indices[rows],
        frames=plan.frames[rows],
        prompts=plan.prompts[rows],
        motions=plan.motions[rows],
        shapes=plan.shapes[rows],
        colours=plan.colours[rows],
        factors={name: values[rows] for name, values in plan.factors.items()},
        centres=plan.centres[rows],
        radii=plan.radii[rows],
        angles=plan.angles[rows],
    )


def _render(world: WorldConfig, plan: ClipBatch) -> ClipBatch:
    if world.laws == "tutorial":
        planes = np.empty((len(plan.indices), world.frames, 3, world.frame_size, world.frame_size), dtype=np.uint8)
        for motion, rows in _rows_by(plan.motions).items():
            planes[rows] = tutorial_clip(motion, frames=world.frames, frame_size=world.frame_size)[0]
        return replace(plan, frames=planes.transpose(0, 1, 3, 4, 2))
    looks = _rows_by(tuple(zip(plan.shapes, plan.colours, strict=True)))
    drawn = [
        render(
            centres=plan.centres[rows],
            radii=plan.radii[rows],
            angles=plan.angles[rows],
            shape=shape,
            colour=colour,
            frame_size=world.frame_size,
        )
        for (shape, colour), rows in looks.items()
    ]
    if len(drawn) == 1:
        return replace(plan, frames=drawn[0])
    planes = np.empty((len(plan.indices), world.frames, 3, world.frame_size, world.frame_size), dtype=np.uint8)
    frames = planes.transpose(0, 1, 3, 4, 2)
    for rows, pictures in zip(looks.values(), drawn, strict=True):
        frames[rows] = pictures
    return replace(plan, frames=frames)


def _rows_by(keys: Sequence[Key]) -> dict[Key, NDArray[np.int64]]:
    """The rows of each key, keys in sorted order."""
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    which = np.array([numbers[key] for key in keys], dtype=np.int64)
    return {key: np.flatnonzero(which == number) for key, number in numbers.items()}
