"""Clips as a pure function of (world, seed, index): any worker makes any of them, in any order, bit for bit the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.motions import FACTORS, draw_factors, path_of
from data.prompts import parse_prompt
from data.renderer import render
from data.world import WorldConfig

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
    """The clips with the given indices (each >= 0) of the endless data set (world, seed); prompts are drawn uniformly."""
    indices = np.asarray(indices, dtype=np.int64)
    uniforms = _uniforms(seed, indices)
    seen = world.seen_prompts
    prompts = tuple(seen[number] for number in (uniforms[:, 0] * len(seen)).astype(np.int64))
    return _make(world, indices, prompts, uniforms[:, 1:])


def make_clips_for(world: WorldConfig, *, prompts: Sequence[str], seed: int) -> ClipBatch:
    """Real clips of the given prompts, held-out ones too; clip i is a function of (world, seed, i, prompts[i]).

    Raises:
        PromptError: a prompt is not of the grammar.
    """
    indices = np.arange(len(prompts), dtype=np.int64)
    return _make(world, indices, tuple(prompts), _uniforms(seed, indices)[:, 1:])


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
    return (raw >> np.uint64(11)) * 2.0**-53


def _make(
    world: WorldConfig, indices: NDArray[np.int64], prompts: tuple[str, ...], uniforms: NDArray[np.float64]
) -> ClipBatch:
    meanings = {prompt: parse_prompt(prompt) for prompt in set(prompts)}
    looks = [(meanings[p].motion, meanings[p].shape, world.colour_of(meanings[p])) for p in prompts]
    count, size, frames = len(prompts), world.frame_size, world.frames
    factors = {name: np.full(count, np.nan, dtype=np.float32) for name in FACTORS}
    centres = np.zeros((count, frames, 2))
    radii, angles = np.zeros((count, frames)), np.zeros((count, frames))
    pictures = np.empty((count, frames, size, size, 3), dtype=np.uint8)
    numbers = {look: number for number, look in enumerate(sorted(set(looks)))}
    kind = np.array([numbers[look] for look in looks], dtype=np.int64)
    for (motion, shape, colour), number in numbers.items():
        rows = np.flatnonzero(kind == number)
        drawn = draw_factors(motion, uniforms[rows], frame_size=size, frames=frames, radius=world.radius)
        path = path_of(motion, drawn, frame_size=size, frames=frames)
        for name, values in drawn.items():
            factors[name][rows] = values
        centres[rows], radii[rows], angles[rows] = path.centres, path.radii, path.angles
        pictures[rows] = render(
            centres=path.centres, radii=path.radii, angles=path.angles, shape=shape, colour=colour, frame_size=size
        )
    return ClipBatch(
        indices=indices,
        frames=pictures,
        prompts=prompts,
        motions=tuple(look[0] for look in looks),
        shapes=tuple(look[1] for look in looks),
        colours=tuple(look[2] for look in looks),
        factors=factors,
        centres=centres.astype(np.float32),
        radii=radii.astype(np.float32),
        angles=angles.astype(np.float32),
    )
