"""What the tests of this room share: one core, a tiny data set and a tiny trained model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from data.reading.dataset import ClipTensors
from tests.models.tiny import make_clips, train_tiny


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> Iterator[None]:
    """Tiny networks are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipTensors:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def trained(clips: ClipTensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The final checkpoint of a training. Do not change it."""
    return train_tiny(clips, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a checkpoint, so that a test can damage it."""

    def copy(checkpoint: Path) -> Path:
        folder = tmp_path / "copy"
        folder.mkdir()
        for path in checkpoint.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    return copy
