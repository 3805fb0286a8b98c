"""Drawing videos from prompts with a trained generator.

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
from torch import Tensor

from data.captions import UnknownWords, Vocabulary
from data.clip_format import ClipFormat
from data.worlds.world import WorldConfig
from models.checkpoint import CheckpointError, CheckpointInfo, find_checkpoint, load_checkpoint
from models.config import ModelConfig
from models.device import pick_device
from models.networks.choice import build_clip_generator, build_prompt_features
from models.networks.clip_generator import ClipGenerator
from models.text.frozen import FrozenWeightsError, check_frozen_weights
from models.training.batches import step_generator

CHUNK = 32  # Clips drawn at a time, always: the size of a matrix product can change how it is rounded.


class TextToVideo:
    """A trained generator that draws clips from prompts."""

    def __init__(self, generator: ClipGenerator, info: CheckpointInfo, *, digest: str) -> None:
        self._generator = generator.eval()
        self._text = build_prompt_features(info.model, info.subject)
        self.info = info
        """The description of its checkpoint."""
        self.digest = digest
        """The digest of its checkpoint, see `models.checkpoint.checkpoint_digest`."""

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> Self:
        """Load a checkpoint, named by its folder or its .safetensors file. Nothing is unpickled.

        Raises:
            CheckpointError: there is no checkpoint, it is damaged, its weights are not finite or do not fit its
                configuration, or its frozen text encoder is not installed.
            ValueError: the device does not exist.
        """
        place = pick_device(device)
        folder = find_checkpoint(path)
        checkpoint = load_checkpoint(folder)
        info = checkpoint.info
        if info.vocabulary != info.subject.vocabulary.words:
            raise CheckpointError(f"{folder}: vocabulary and subject do not fit together. Copy or train it again.")
        try:
            text = build_prompt_features(info.model, info.subject)
            check_frozen_weights(info.frozen_text, text.frozen, where=str(folder))
        except FrozenWeightsError as error:
            raise CheckpointError(str(error)) from error
        generator = build_clip_generator(info.model, info.subject)
        try:
            generator.load_state_dict(checkpoint.weights)
        except RuntimeError as error:
            raise CheckpointError(f"{folder}: the weights do not fit its configuration ({error}).") from error
        return cls(generator.to(place), info, digest=checkpoint.digest)

    @property
    def format(self) -> ClipFormat:
        """The format of the clips that it draws."""
        return self.info.subject.format

    @property
    def config(self) -> ModelConfig:
        """The configuration of the networks."""
        return self.info.model

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the training captions. Only a model with the frozen text encoder understands other words."""
        return self.info.subject.vocabulary

    @property
    def unknown_words(self) -> UnknownWords:
        """What to do with unknown words in what people write: a world names its words, imported clips cannot."""
        return "refuse" if isinstance(self.info.subject, WorldConfig) else "ignore"

    def generate(
        self, prompts: Sequence[str], *, seed: int, first: int = 0, unknown_words: UnknownWords = "refuse"
    ) -> NDArray[np.uint8]:
        """One clip per prompt: uint8 (N, T, H, W, 3). Clip i depends only on its prompt and on (seed, first + i).

        Args:
            prompts: what to show, N of them.
            seed: equal seeds give equal clips.
            first: number of the first clip, a multiple of `CHUNK`. Many clips are drawn part by part with it.
            unknown_words: whether a word that the model does not know is an error or is ignored. A model with the
                frozen text encoder has no unknown words.

        Raises:
            PromptError: a prompt is empty, or holds an unknown word that is not ignored.
        """
        text = self._text.features(prompts, unknown_words=unknown_words)
        return render_samples(self._generator, text, seed=seed, clip=self.format, first=first)


@torch.no_grad()
def render_samples(
    generator: ClipGenerator, text: Tensor, *, seed: int, clip: ClipFormat, first: int = 0
) -> NDArray[np.uint8]:
    """Draw clips uint8 (N, T, H, W, 3) from text features (N, F), on the device of `generator`.

    Clip i depends only on row i of `text` and on (seed, first + i).
    """
    device = next(generator.parameters()).device
    frames = np.empty((len(text), *clip.shape), dtype=np.uint8)
    for start in range(0, len(text), CHUNK):
        rows = range(first + start, first + start + CHUNK)
        noise = torch.cat([generator.draw_noise(1, random=step_generator(seed, row)) for row in rows])
        part = text[start : start + CHUNK]
        filled = torch.zeros(CHUNK, text.shape[1])
        filled[: len(part)] = part
        clips = generator(noise.to(device), filled.to(device))  # (32, T, 3, H, W) in [-1, 1]
        pictures = ((clips + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(2, -1)  # (32, T, H, W, 3)
        frames[start : start + len(part)] = pictures[: len(part)].cpu().numpy()
    return frames
