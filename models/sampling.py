"""From a prompt to a video: a trained generator, ready to use.

from models.sampling import TextToVideo
frames = TextToVideo.load(Path("final")).generate(["circle moving up-right"], seed=7)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from data.prompts import Vocabulary
from data.world import WorldConfig
from models.batches import step_generator
from models.checkpoint import CheckpointError, CheckpointInfo, load_weights
from models.config import ModelConfig
from models.device import pick_device
from models.network import network_of

_CHUNK = 32  # clips generated at a time, always: rounding may differ between sizes of a matrix product


class TextToVideo:
    """A generator with its vocabulary."""

    def __init__(self, generator: nn.Module, info: CheckpointInfo) -> None:
        self._generator = generator.eval()
        self.info = info

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> Self:
        """Load the checkpoint in the folder `path`, or beside the .safetensors file `path`. Nothing is unpickled.

        Raises:
            CheckpointError: there is no checkpoint, it is damaged, or its weights do not fit its config.
            ValueError: the device is not there.
        """
        folder = path.parent if path.suffix == ".safetensors" else path
        info, weights = load_weights(folder)
        if info.vocabulary != info.world.vocabulary.words:
            raise CheckpointError(f"{folder}: vocabulary and world do not belong together. Train or copy it again.")
        generator = network_of(info.model).build(info.model, info.world)
        try:
            generator.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(f"{folder}: the weights do not fit the config beside them ({error}).") from error
        return cls(generator.to(pick_device(device)), info)

    @property
    def world(self) -> WorldConfig:
        """The world that it was trained in."""
        return self.info.world

    @property
    def config(self) -> ModelConfig:
        """Sizes of the network."""
        return self.info.model

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that prompts may use."""
        return self.world.vocabulary

    def generate(self, prompts: Sequence[str], *, seed: int) -> NDArray[np.uint8]:
        """One clip a prompt: uint8 (N, T, S, S, 3). Clip i depends on (seed, i) and its prompt alone.

        Raises:
            PromptError: a prompt is empty or holds a word that the model does not know.
        """
        return render_samples(self._generator, prompts, seed=seed, world=self.world, config=self.config)


@torch.no_grad()
def render_samples(
    generator: nn.Module, prompts: Sequence[str], *, seed: int, world: WorldConfig, config: ModelConfig
) -> NDArray[np.uint8]:
    """Clips uint8 (N, T, S, S, 3) of `generator`, which stays on its device; see `TextToVideo.generate`."""
    network = network_of(config)
    counts = network.encode(world, prompts)
    device = next(generator.parameters()).device
    frames = np.empty((len(prompts), world.frames, world.frame_size, world.frame_size, 3), dtype=np.uint8)
    for start in range(0, len(prompts), _CHUNK):
        rows = range(start, start + _CHUNK)
        noise = torch.cat(
            [network.noise(1, config=config, world=world, generator=step_generator(seed, row)) for row in rows]
        )
        text = torch.zeros(_CHUNK, counts.shape[1])
        part = counts[start : start + _CHUNK]
        text[: len(part)] = part
        clips = generator(noise.to(device), text.to(device))
        pictures = ((clips + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(2, -1)
        frames[start : start + len(part)] = pictures[: len(part)].cpu().numpy()
    return frames
