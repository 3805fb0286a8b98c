import numpy as np
import pytest
from numpy.typing import NDArray

from data.worlds.world import WorldConfig


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
