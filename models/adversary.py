"""One step of the adversarial game, and all of its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from data.dataset import ClipTensors
from data.world import WorldConfig
from models.batches import Batch, PromptGroups, step_generator
from models.config import ModelConfig, TrainConfig
from models.discriminator import ClipDiscriminator, FrameDiscriminator
from models.generator import ClipGenerator, draw_noise
from models.losses import discriminator_loss, generator_loss, gradient_penalty
from models.text import BagOfWords, word_counts

ADVANTAGE_DECAY = 0.9  # of the moving average of each prompt's D(real) - D(fake), per time the prompt is drawn


class TextGenerator(nn.Module):
    """Text encoder and clip generator together: what a checkpoint keeps."""

    def __init__(self, config: ModelConfig, *, words: int, frames: int, frame_size: int) -> None:
        super().__init__()
        self.text = BagOfWords(words, width=config.text_width)
        self.clip = ClipGenerator(config, frames=frames, frame_size=frame_size)

    def latents(self, noise: Tensor, counts: Tensor) -> Tensor:
        """Frame latents (N, T, D)."""
        return self.clip.motion(noise, self.text(counts))  # type: ignore[no-any-return]

    def forward(self, noise: Tensor, counts: Tensor) -> Tensor:
        """Clips (N, T, 3, S, S) in [-1, 1] from noise (N, Z) and word counts (N, V)."""
        return self.clip(noise, self.text(counts))  # type: ignore[no-any-return]


def build_generator(config: ModelConfig, world: WorldConfig) -> TextGenerator:
    """A generator for the clips and the vocabulary of `world`, with random weights."""
    return TextGenerator(config, words=len(world.vocabulary.words), frames=world.frames, frame_size=world.frame_size)


class Adversary:
    """Generator, its moving average, discriminators and optimisers; `step` plays one round.

    A step depends on this state and on (seed, step) alone, so training may stop after any step and go on from
    `state_dict` to the same weights, bit for bit (same machine, same number of threads).
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
        """`clips` stay where they are, in memory or on disk; batches travel to `device`.

        Raises:
            ValueError: the clips have another size or length than those of `world`, or other prompts.
        """
        shape = (world.frames, world.frame_size, world.frame_size, 3)
        if tuple(clips.frames.shape[1:]) != shape:
            raise ValueError(f"The clips have the shape {tuple(clips.frames.shape[1:])}, the world's clips {shape}.")
        torch.manual_seed(train.seed)
        self.config, self.model, self.device = train, model, device
        self.planes = clips.frames.permute(0, 1, 4, 2, 3)  # (N, T, 3, S, S) uint8, as they lie in memory
        self.groups = PromptGroups(clips.prompts, known=world.seen_prompts, seed=train.seed)
        self.counts = word_counts(world.vocabulary, list(world.seen_prompts)).to(device)
        words = len(world.vocabulary.words)
        self.generator = build_generator(model, world).to(device)
        self.average = AveragedModel(self.generator, multi_avg_fn=_warmed_up_average(train.ema_decay))
        self.clip_critic = ClipDiscriminator(
            model, words=words, frames=world.frames, frame_size=world.frame_size, group=train.clips_per_prompt
        ).to(device)
        self.frame_critic = (
            FrameDiscriminator(model, words=words, frame_size=world.frame_size).to(device)
            if model.frame_critic_channels
            else None
        )
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "average": self.average,
            "clip_critic": self.clip_critic,
        }
        critics = list(self.clip_critic.parameters())
        if self.frame_critic is not None:
            self.modules["frame_critic"] = self.frame_critic
            critics += list(self.frame_critic.parameters())
        if device.type == "cuda":
            for module in self.modules.values():
                module.to(memory_format=torch.channels_last)
        betas = (train.beta1, train.beta2)
        self.optimisers = {
            "generator": torch.optim.Adam(self.generator.parameters(), train.learning_rate, betas=betas, fused=True),
            "critics": torch.optim.Adam(critics, train.learning_rate, betas=betas, fused=True),
        }
        self.advantage = torch.ones(len(world.seen_prompts))
        self.steps_done = 0

    @property
    def averaged(self) -> TextGenerator:
        """The generator with the moving average of its weights: the one to draw samples with."""
        return self.average.module  # type: ignore[return-value]

    def step(self) -> dict[str, Tensor]:
        """One round for the discriminators, one for the generator. Returns 0-d losses, on the device."""
        random = step_generator(self.config.seed, self.steps_done)
        config, size = self.config, self.config.prompts_per_batch * self.config.clips_per_prompt
        batch = self.groups.draw(
            self.advantage.clamp(min=0) + config.prompt_floor,
            prompts=config.prompts_per_batch,
            clips=config.clips_per_prompt,
            generator=random,
        )
        phase = tuple(torch.randint(2, (2,), generator=random).tolist())
        picks = torch.stack(
            [torch.randperm(self.planes.shape[1], generator=random)[: config.frames_per_clip] for _ in range(size)]
        )
        noise = [draw_noise(size, config=self.model, generator=random).to(self.device) for _ in range(2)]
        self._set_rate()
        losses = self._critics_round(batch, noise[0], picks, phase)
        losses |= self._generator_round(batch, noise[1], picks, phase)
        self.average.update_parameters(self.generator)
        self.steps_done += 1
        return losses

    def _set_rate(self) -> None:
        left = 1 - self.steps_done / self.config.steps
        rate = self.config.learning_rate * min(1.0, left / max(self.config.decay_share, 1e-9))
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def _fakes(
        self, noise: Tensor, counts: Tensor, picks: Tensor, phase: tuple[int, ...]
    ) -> tuple[Tensor, Tensor | None]:
        """Generated clips at every second pixel (N, T, 3, S/2, S/2), and picked frames whole (N * P, 3, S, S)."""
        latents = self.generator.latents(noise, counts)
        decoder = self.generator.clip.decoder
        clips = decoder(latents.flatten(0, 1), (phase[0], phase[1]))
        clips = clips.view(*latents.shape[:2], *clips.shape[1:])
        if self.frame_critic is None:
            return clips, None
        chosen = latents.gather(1, picks.to(self.device).unsqueeze(2).expand(-1, -1, latents.shape[2]))
        return clips, decoder(chosen.flatten(0, 1))

    def _reals(self, indices: Tensor, picks: Tensor, phase: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
        """Real clips and frames in the same form as `_fakes`."""
        planes = self.planes[indices]
        clips = _as_pictures(planes[..., phase[0] :: 2, phase[1] :: 2], self.device)
        if self.frame_critic is None:
            return clips, None
        rows = torch.arange(len(indices)).unsqueeze(1)
        return clips, _as_pictures(planes[rows, picks], self.device).flatten(0, 1)

    def _critics_round(self, batch: Batch, noise: Tensor, picks: Tensor, phase: tuple[int, ...]) -> dict[str, Tensor]:
        config = self.config
        counts = self.counts[batch.prompts.to(self.device)]
        frame_counts = counts.repeat_interleave(picks.shape[1], dim=0)
        real_clips, real_frames = self._reals(batch.indices, picks, phase)
        with self._autocast():
            with torch.no_grad():
                fake_clips, fake_frames = self._fakes(noise, counts, picks, phase)
            real_scores = self.clip_critic(real_clips, counts)
            fake_scores = self.clip_critic(fake_clips, counts)
        loss = discriminator_loss(real_scores.float(), fake_scores.float())
        losses = {"clip_critic": loss.detach()}
        if self.frame_critic is not None and real_frames is not None and fake_frames is not None:
            with self._autocast():
                both = self.frame_critic(torch.cat([real_frames, fake_frames]), frame_counts.repeat(2, 1)).float()
            frame_loss = discriminator_loss(*both.chunk(2))
            losses["frame_critic"] = frame_loss.detach()
            loss = loss + frame_loss
        if self.steps_done % config.penalty_every == 0:
            weight = 0.5 * config.penalty_every
            penalty = (
                weight
                * config.clip_penalty
                * sum(
                    gradient_penalty(lambda x: self.clip_critic(x, counts), clips) for clips in (real_clips, fake_clips)
                )
            )
            if self.frame_critic is not None and real_frames is not None and fake_frames is not None:
                critic = self.frame_critic
                penalty = penalty + weight * config.frame_penalty * sum(
                    gradient_penalty(lambda x: critic(x, frame_counts), frames) for frames in (real_frames, fake_frames)
                )
            losses["penalty"] = torch.as_tensor(penalty).detach() / config.penalty_every
            loss = loss + penalty
        self._update("critics", loss)
        self._note_advantage(batch.prompts, (real_scores - fake_scores).detach().float().cpu())
        return losses

    def _generator_round(self, batch: Batch, noise: Tensor, picks: Tensor, phase: tuple[int, ...]) -> dict[str, Tensor]:
        counts = self.counts[batch.prompts.to(self.device)]
        with self._autocast():
            clips, frames = self._fakes(noise, counts, picks, phase)
            scores = self.clip_critic(clips, counts)
        loss = generator_loss(scores.float())
        losses = {"generator": loss.detach()}
        if self.frame_critic is not None and frames is not None:
            with self._autocast():
                scores = self.frame_critic(frames, counts.repeat_interleave(picks.shape[1], dim=0))
            frame_loss = generator_loss(scores.float())
            losses["generator_frames"] = frame_loss.detach()
            loss = loss + self.config.frame_weight * frame_loss
        self._update("generator", loss)
        return losses

    def _update(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    def _note_advantage(self, prompts: Tensor, advantage: Tensor) -> None:
        clips = self.config.clips_per_prompt
        for number, value in zip(prompts[::clips].tolist(), advantage.view(-1, clips).mean(1).tolist(), strict=True):
            self.advantage[number] = ADVANTAGE_DECAY * self.advantage[number] + (1 - ADVANTAGE_DECAY) * value

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on; tensors, numbers and strings only."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "advantage": self.advantage.clone(),
            "visits": self.groups.visits.clone(),
            "steps_done": self.steps_done,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned for equal configs."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.advantage = state["advantage"].clone()
        self.groups.visits = state["visits"].clone()
        self.steps_done = state["steps_done"]


Tensors = tuple[Tensor, ...] | list[Tensor]


def _warmed_up_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Exponential moving average whose decay begins small, so that the first random weights are soon forgotten."""

    def update(averages: Tensors, values: Tensors, updates: Tensor | int) -> None:
        done = int(updates)
        torch._foreach_lerp_(averages, values, 1 - min(decay, (1 + done) / (10 + done)))

    return update


def _as_pictures(planes: Tensor, device: torch.device) -> Tensor:
    """uint8 0 to 255 to float32 in [-1, 1], any shape."""
    return planes.to(device).float() / 127.5 - 1
