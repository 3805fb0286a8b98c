"""One training step of the tutorial's networks as published, and what each repair changes in it."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from data.reading.dataset import ClipTensors
from data.reading.sampler import EpochSampler
from data.worlds.prompts import parse_prompt
from data.worlds.world import WorldConfig
from models.config import ModelConfig, TrainConfig
from models.training.averaging import warmed_up_average
from models.training.batches import as_pictures, step_generator
from models.training.game import check_clips
from models.training.losses import gradient_penalty
from models.training.optimise import descend, set_rate
from models.training.schedule import clip_penalty, learning_rate, share_done
from models.tutorial.networks import NOISE, Discriminator, TutorialGenerator, build_tutorial_generator
from models.tutorial.words import published_words, word_shares


class TutorialGame:
    """The tutorial's generator, discriminator and optimisers. See `models.training.game.Game`.

    A batch holds `prompts_per_batch` x `clips_per_prompt` pictures in the shuffled order of an epoch. As published,
    these are single frames. With the repair `clip_latent`, they are whole clips, whose frames are channels of one
    picture.
    """

    def __init__(
        self,
        *,
        clips: ClipTensors,
        world: WorldConfig,
        model: ModelConfig,
        train: TrainConfig,
        device: torch.device,
    ) -> None:
        """Networks with random weights. `clips` stay in memory or on disk, and only batches move to `device`.

        Raises:
            ValueError: the clips have another size or length than those of `world`, or other prompts; or the repair
                `wrong_prompts` is asked for, and all prompts mean the same.
        """
        check_clips(clips, world)
        torch.manual_seed(train.seed)
        self.config, self.model, self.world, self.device = train, model, world, device
        self.clips = clips
        self.repairs = frozenset(model.repairs)
        self.whole_clips = "clip_latent" in self.repairs
        prompts = world.seen_prompts
        numbers = {prompt: number for number, prompt in enumerate(prompts)}
        self.prompt_of = torch.tensor([numbers[prompt] for prompt in clips.prompts])  # (number of clips,)
        self.shares = word_shares(world, prompts).to(device)  # (P, V)
        self.others = _other_meanings(prompts)
        if "wrong_prompts" in self.repairs and not all(self.others):
            raise ValueError("All prompts of the world mean the same, so no prompt is wrong: remove wrong_prompts.")
        self.generator = build_tutorial_generator(model, world).to(device)
        self.discriminator = Discriminator(
            frame_size=world.frame_size,
            channels=3 * world.frames if self.whole_clips else 3,
            words=len(published_words(world)) if "text_in_discriminator" in self.repairs else None,
        ).to(device)
        self.modules: dict[str, nn.Module] = {"generator": self.generator, "discriminator": self.discriminator}
        self.average: AveragedModel | None = None
        if "ema" in self.repairs:
            self.average = AveragedModel(self.generator, multi_avg_fn=warmed_up_average(train.ema_decay))
            self.modules["average"] = self.average
        # As published, the word vectors are in no optimiser and stay random.
        learned = self.generator if "trained_embedding" in self.repairs else self.generator.pictures
        betas = (train.beta1, train.beta2)
        self.optimisers = {
            name: torch.optim.Adam(module.parameters(), train.learning_rate, betas=betas, fused=True)
            for name, module in (("generator", learned), ("discriminator", self.discriminator))
        }
        self.batch = train.prompts_per_batch * train.clips_per_prompt
        self.sampler = EpochSampler(size=len(clips) * (1 if self.whole_clips else world.frames), seed=train.seed)
        self.steps_done, self.cpu_seconds = 0, 0.0

    @property
    def averaged(self) -> TutorialGenerator:
        """As published the generator itself, with the repair `ema` the moving average of its weights."""
        return self.generator if self.average is None else self.average.module  # type: ignore[return-value]

    @property
    def clips_per_step(self) -> float:
        """Real clips that a step sees. A single frame counts as a part of its clip."""
        return self.batch / (1 if self.whole_clips else self.world.frames)

    def step(self) -> dict[str, Tensor]:
        """One round for the discriminator, then one for the generator with the same pictures. Returns 0-d losses."""
        random = step_generator(self.config.seed, self.steps_done)
        done = share_done(self.config, steps=self.steps_done, cpu_seconds=self.cpu_seconds)
        set_rate(self.optimisers.values(), learning_rate(self.config, done))
        reals, prompts = self._reals()
        shares = self.shares[prompts]  # (B, V)
        noise = torch.randn(self.batch, NOISE, generator=random).to(self.device)
        fakes = self.generator.draw(noise, shares)  # (B, C, S, S)
        losses = self._discriminator_round(reals, fakes.detach(), prompts, random, done)
        loss = _bce(self.discriminator(fakes, shares), real=True)
        losses["generator"] = loss.detach()
        descend(self.optimisers["generator"], loss)
        if self.average is not None:
            self.average.update_parameters(self.generator)
        self.steps_done += 1
        return losses

    def _reals(self) -> tuple[Tensor, Tensor]:
        """The next pictures of the epoch (B, C, S, S) in [-1, 1], and the numbers of their prompts (B,)."""
        places = torch.from_numpy(self.sampler.batch(self.steps_done, self.batch))  # (B,)
        if self.whole_clips:
            pixels = self.clips.ink.frames(places).flatten(1, 2)  # (B, 3 T, S, S)
        else:
            places, frame = places // self.world.frames, places % self.world.frames
            pixels = self.clips.ink.frames(places)[torch.arange(self.batch), frame]  # (B, 3, S, S)
        return as_pictures(pixels, self.device), self.prompt_of[places].to(self.device)

    def _discriminator_round(
        self, reals: Tensor, fakes: Tensor, prompts: Tensor, random: torch.Generator, done: float
    ) -> dict[str, Tensor]:
        shares = self.shares[prompts]
        real = _bce(self.discriminator(reals, shares), real=True)
        fake = _bce(self.discriminator(fakes, shares), real=False)
        if "wrong_prompts" in self.repairs:
            wrong = self.shares[self._wrong(prompts, random)]
            fake = (fake + _bce(self.discriminator(reals, wrong), real=False)) / 2
        total = real + fake
        losses = {"discriminator": total.detach()}
        every = self.config.penalty_every
        if "gradient_penalty" in self.repairs and self.steps_done % every == 0:
            both = [gradient_penalty(partial(self.discriminator, shares=shares), side) for side in (reals, fakes)]
            penalty = 0.5 * clip_penalty(self.config, done) * torch.stack(both).sum()
            losses["penalty"] = penalty.detach()
            total = total + every * penalty
        descend(self.optimisers["discriminator"], total)
        return losses

    def _wrong(self, prompts: Tensor, random: torch.Generator) -> Tensor:
        """For each prompt number (B,) the number of a prompt with another meaning. Two phrases can mean one direction.

        Reed et al., "Generative Adversarial Text to Image Synthesis" (2016), show the discriminator such pairs, too.
        """
        drawn = torch.rand(len(prompts), generator=random).tolist()
        others = [self.others[number] for number in prompts.tolist()]
        chosen = [other[int(place * len(other))] for other, place in zip(others, drawn, strict=True)]
        return torch.tensor(chosen, device=self.device)

    def exports(self) -> dict[str, dict[str, Tensor]]:
        """The two files that the tutorial saves, with the weights of both networks. Neither holds the word vectors."""
        return {
            "generator.pth": self.averaged.pictures.state_dict(),
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


def _other_meanings(prompts: tuple[str, ...]) -> list[list[int]]:
    """For each prompt the numbers of the prompts with another meaning."""
    meanings = [parse_prompt(prompt) for prompt in prompts]
    return [[number for number, other in enumerate(meanings) if other != mine] for mine in meanings]
