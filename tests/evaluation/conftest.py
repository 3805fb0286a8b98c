from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data.worlds.world import WorldConfig


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine, two threads that wait for each other in every step are many times slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def world() -> WorldConfig:
    return WorldConfig()


@pytest.fixture(scope="session")
def colourful_world() -> WorldConfig:
    return WorldConfig(shapes=("circle", "square", "triangle"), colours=("blue", "red", "green", "black"))


@pytest.fixture
def clip() -> NDArray[np.uint8]:
    """A tiny clip, uint8 (3, 8, 8, 3): a blue square that moves right."""
    frames = np.full((3, 8, 8, 3), 255, np.uint8)
    for t in range(3):
        frames[t, 3:5, 2 * t : 2 * t + 2, :2] = 0
    return frames
