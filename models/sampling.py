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
from torch import Tensor, nn

from data.worlds.prompts import UnknownWords, Vocabulary
from data.worlds.world import WorldConfig
from models.checkpoint import CheckpointError, CheckpointInfo, load_weights
from models.config import ModelConfig, TextEncoder
from models.device import pick_device
from models.networks.network import network_of
from models.text.frozen import FrozenWeightsError, check_frozen_weights
from models.training.batches import step_generator

_CHUNK = 32  # clips generated at a time, always: rounding may differ between sizes of a matrix product


class TextToVideo:
    """A generator with its vocabulary."""

    def __init__(self, generator: nn.Module, info: CheckpointInfo) -> None:
        self._generator = generator.eval()
        self._text = network_of(info.model).text(info.model, info.world)
        self.info = info

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> Self:
        """Load the checkpoint in the folder `path`, or beside the .safetensors file `path`. Nothing is unpickled.

        Raises:
            CheckpointError: there is no checkpoint, it is damaged, its weights do not fit its config, or its frozen
                text encoder is not installed.
            ValueError: the device is not there.
        """
        folder = path.parent if path.suffix == ".safetensors" else path
        info, weights = load_weights(folder)
        if info.vocabulary != info.world.vocabulary.words:
            raise CheckpointError(f"{folder}: vocabulary and world do not belong together. Train or copy it again.")
        network = network_of(info.model)
        try:
            check_frozen_weights(info.frozen_text, network.text(info.model, info.world).frozen, where=str(folder))
        except FrozenWeightsError as error:
            raise CheckpointError(str(error)) from error
        generator = network.build(info.model, info.world)
        try:
            generator.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(f"{folder}: the weights do not fit the config beside them ({error}).") from error
        return cls(generator.to(pick_device(device)), info)

    def read_by(self, encoder: TextEncoder) -> Self:
        """The same generator behind another text encoder that counts the same words: "tokens" or "sentence"."""
        model = self.config.model_copy(update={"text_encoder": encoder})
        return type(self)(self._generator, self.info.model_copy(update={"model": model}))

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
        """The words of its training prompts: all that a model without a frozen text encoder knows."""
        return self.world.vocabulary

    def reading(self, prompt: str) -> str:
        """What it takes `prompt` to say: itself, or what the frozen sentence encoder makes of foreign words.

        Raises:
            PromptError: it holds no word.
        """
        return self._text.reading(prompt)

    def generate(
        self, prompts: Sequence[str], *, seed: int, unknown_words: UnknownWords = "refuse"
    ) -> NDArray[np.uint8]:
        """One clip a prompt: uint8 (N, T, S, S, 3). Clip i depends on (seed, i) and its prompt alone.

        Args:
            prompts: what to show, N of them.
            seed: equal seeds give equal clips.
            unknown_words: what becomes of a word that the model does not know: an error, or nothing. A model with a
                frozen sentence encoder has no unknown words.

        Raises:
            PromptError: a prompt is empty, or holds a word that is not known and not to be ignored.
        """
        text = self._text.features(prompts, unknown_words=unknown_words)
        return render_samples(self._generator, text, seed=seed, world=self.world, config=self.config)


@torch.no_grad()
def render_samples(
    generator: nn.Module, text: Tensor, *, seed: int, world: WorldConfig, config: ModelConfig
) -> NDArray[np.uint8]:
    """Clips uint8 (N, T, S, S, 3) of `generator`, which stays on its device, for text features (N, F).

    Clip i depends on (seed, i) and its row of `text` alone.
    """
    network = network_of(config)
    device = next(generator.parameters()).device
    frames = np.empty((len(text), world.frames, world.frame_size, world.frame_size, 3), dtype=np.uint8)
    for start in range(0, len(text), _CHUNK):
        rows = range(start, start + _CHUNK)
        noise = torch.cat(
            [network.noise(1, config=config, world=world, generator=step_generator(seed, row)) for row in rows]
        )
        part = text[start : start + _CHUNK]
        filled = torch.zeros(_CHUNK, text.shape[1])
        filled[: len(part)] = part
        clips = generator(noise.to(device), filled.to(device))
        pictures = ((clips + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(2, -1)
        frames[start : start + len(part)] = pictures[: len(part)].cpu().numpy()
    return frames
