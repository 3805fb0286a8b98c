"""One training step of the tutorial's networks as published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from data.reading.dataset import ClipTensors
from data.reading.sampler import EpochSampler
from data.subject import Subject
from models.config import ModelConfig, TrainConfig
from models.training.batches import as_pictures, step_generator
from models.training.game import check_clips
from models.training.optimise import descend, set_rate
from models.training.schedule import learning_rate, share_done
from models.tutorial.networks import NOISE, Discriminator, TutorialGenerator, build_tutorial_generator
from models.tutorial.words import word_shares, world_of


class TutorialGame:
    """The tutorial's generator, discriminator and optimisers. See `models.training.game.Game`.

    A batch holds `prompts_per_batch` x `clips_per_prompt` single frames in the shuffled order of an epoch.
    """

    def __init__(
        self,
        *,
        clips: ClipTensors,
        subject: Subject,
        model: ModelConfig,
        train: TrainConfig,
        device: torch.device,
        report_reading: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Networks with random weights. `clips` stay in memory or on disk, and only batches move to `device`.

        `report_reading` is never called, because the words of prompts are counted at once.

        Raises:
            ValueError: the clips do not fit the subject, or it is no world.
        """
        world = world_of(subject)
        check_clips(clips, world)
        torch.manual_seed(train.seed)
        self.config, self.model, self.world, self.device = train, model, world, device
        self.clips = clips
        prompts = world.seen_prompts
        numbers = {prompt: number for number, prompt in enumerate(prompts)}
        self.prompt_of = torch.tensor([numbers[prompt] for prompt in clips.prompts])  # (number of clips,)
        self.shares = word_shares(world, prompts).to(device)  # (P, V)
        self.generator = build_tutorial_generator(world).to(device)
        self.discriminator = Discriminator(frame_size=world.frame_size).to(device)
        self.modules: dict[str, nn.Module] = {"generator": self.generator, "discriminator": self.discriminator}
        betas = (train.beta1, train.beta2)
        self.optimisers = {  # As published, the word vectors are in no optimiser and stay random.
            name: torch.optim.Adam(module.parameters(), train.learning_rate, betas=betas, fused=True)
            for name, module in (("generator", self.generator.pictures), ("discriminator", self.discriminator))
        }
        self.batch = train.prompts_per_batch * train.clips_per_prompt
        self.sampler = EpochSampler(size=len(clips) * world.frames, seed=train.seed)
        self.steps_done, self.cpu_seconds = 0, 0.0

    @property
    def averaged(self) -> TutorialGenerator:
        """The generator itself: the tutorial has no moving average."""
        return self.generator

    @property
    def clips_per_step(self) -> float:
        """Real clips that a step sees. A single frame counts as a part of its clip."""
        return self.batch / self.world.frames

    def step(self) -> dict[str, Tensor]:
        """One round for the discriminator, then one for the generator with the same frames. Returns 0-d losses."""
        random = step_generator(self.config.seed, self.steps_done)
        done = share_done(self.config, steps=self.steps_done, cpu_seconds=self.cpu_seconds)
        set_rate(self.optimisers.values(), learning_rate(self.config, done))
        reals, prompts = self._reals()
        noise = torch.randn(self.batch, NOISE, generator=random).to(self.device)
        fakes = self.generator.draw(noise, self.shares[prompts])  # (B, 3, S, S)
        judged = _bce(self.discriminator(reals), real=True) + _bce(self.discriminator(fakes.detach()), real=False)
        descend(self.optimisers["discriminator"], judged)
        loss = _bce(self.discriminator(fakes), real=True)
        descend(self.optimisers["generator"], loss)
        self.steps_done += 1
        return {"discriminator": judged.detach(), "generator": loss.detach()}

    def _reals(self) -> tuple[Tensor, Tensor]:
        """The next frames of the epoch (B, 3, S, S) in [-1, 1], and the numbers of their prompts (B,)."""
        places = torch.from_numpy(self.sampler.batch(self.steps_done, self.batch))  # (B,)
        clips, frame = places // self.world.frames, places % self.world.frames
        pixels = self.clips.frames(clips)[torch.arange(self.batch), frame]  # (B, 3, S, S)
        return as_pictures(pixels, self.device), self.prompt_of[clips].to(self.device)

    def exports(self) -> dict[str, dict[str, Tensor]]:
        """The two files that the tutorial saves, with the weights of both networks. Neither holds the word vectors."""
        return {
            "generator.pth": self.generator.pictures.state_dict(),
            "discriminator.pth": self.discriminator.state_dict(),
        }

    def state_dict(self) -> dict[str, Any]:
        """See `models.training.game.Game`."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `models.training.game.Game`."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]


def _bce(logits: Tensor, *, real: bool) -> Tensor:
    """Binary cross-entropy of the sigmoid of logits (N,), as published. PyTorch bounds it at 100."""
    probabilities = torch.sigmoid(logits)
    return nn.functional.binary_cross_entropy(probabilities, torch.full_like(probabilities, float(real)))
