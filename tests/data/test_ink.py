"""Frames that are stored in little memory come back pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from data.clip_format import ClipFormat
from data.reading.ink import LEVELS, InkedRows, InkWriter

FRAMES, HEIGHT, WIDTH = 4, 40, 32
FORMAT = ClipFormat(frames=FRAMES, height=HEIGHT, width=WIDTH, fps=10)
FLAT = st.sampled_from([0, 254, 255])
PLANE = st.one_of(
    FLAT.map(lambda value: np.full((HEIGHT, WIDTH), value, dtype=np.uint8)),
    *(arrays(np.uint8, (HEIGHT, WIDTH), elements=FLAT, fill=st.just(level)) for level in (0, 255)),
)
SAME_OR_OWN = st.sampled_from([(0, 0, 0), (0, 0, 2), (0, 1, 0), (0, 1, 1), (0, 1, 2)])


@st.composite
def pictures(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Draw clips (N, T, 3, H, W) whose planes are often empty, of one colour, or equal."""
    clips = draw(st.integers(1, 5))
    frames = []
    for _ in range(clips * FRAMES):
        planes = [draw(PLANE) for _ in range(3)]
        frames.append(np.stack([planes[number] for number in draw(SAME_OR_OWN)]))
    return np.stack(frames).reshape(clips, FRAMES, 3, HEIGHT, WIDTH)


@given(frames=pictures(), cut=st.integers(0, 5), gap=st.integers(0, 3))
def test_frames_come_back_as_they_were_written(frames: NDArray[np.uint8], cut: int, gap: int) -> None:
    ink = InkedRows.empty(FORMAT, clips=gap + len(frames))
    writer = InkWriter(ink, first=gap, clips=len(frames))
    for part in (frames[:cut], frames[cut:]):
        if len(part):
            writer.write(part)
    back = ink.frames(torch.arange(gap, gap + len(frames)))
    np.testing.assert_array_equal(back.numpy(), frames)


@pytest.mark.parametrize("background", [0, 90, 255])
def test_empty_and_repeated_planes_and_empty_rows_take_no_memory(background: int) -> None:
    frames = np.full((1, FRAMES, 3, HEIGHT, WIDTH), background, dtype=np.uint8)
    frames[:, :, :2, 3:5, 7] = 10  # equal in red and green, blue is empty
    ink = InkedRows.empty(FORMAT, clips=1)
    ink.rows[LEVELS:] = 0
    InkWriter(ink, first=0, clips=1).write(frames)
    assert ink.heights.tolist() == [[[2, 2, 0]] * FRAMES]
    assert (
        ink.starts[..., 0].tolist() == ink.starts[..., 1].tolist() == [[LEVELS + 2 * frame for frame in range(FRAMES)]]
    )
    assert not ink.rows[LEVELS + 2 * FRAMES :].any()
