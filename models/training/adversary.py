"""One step of the adversarial game, and all of its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from data.reading.dataset import ClipTensors
from data.worlds.world import WorldConfig
from models.config import ModelConfig, TrainConfig
from models.networks.discriminator import ClipDiscriminator, FrameDiscriminator
from models.networks.generator import TextGenerator, build_generator, draw_noise
from models.text.features import build_text
from models.text.labels import Labels
from models.training.averaging import warmed_up_average
from models.training.batches import Batch, PromptGroups, as_pictures, step_generator
from models.training.game import check_clips
from models.training.losses import discriminator_loss, generator_loss, gradient_penalty, word_loss
from models.training.optimise import descend, set_rate
from models.training.schedule import clip_penalty, learning_rate, share_done

ADVANTAGE_DECAY = 0.9  # of the moving average of each prompt's D(real) - D(fake), per time the prompt is drawn


CLIP, FRAME = "clip_critic", "frame_critic"


@dataclass(frozen=True)
class _Said:
    """What the prompts of N clips say: text features (N, F) for the networks, labels (N, L) for the word heads."""

    features: Tensor
    labels: Tensor


@dataclass(frozen=True)
class _Round:
    """What the discriminators are shown in one step."""

    indices: dict[str, Tensor]
    """Real clips for each discriminator, int64 (N,)."""
    said: dict[str, _Said]
    """What their prompts say."""
    phase: tuple[int, int]
    """Which pixels of clips: every second row from the first number, every second column from the other."""
    moments: Tensor
    """int64 (N,): the frame of each clip that the frame discriminator sees. Its clips are not those of the clip
    discriminator: single frames cost little, so of as many prompts as possible.
    """


class Adversary:
    """Generator, its moving average, discriminators and optimisers; `step` plays one round.

    A step depends on this state and on (seed, step) alone, so training may stop after any step and go on from
    `state_dict` to the same weights, bit for bit (on CPUs: same machine, same number of threads).
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
        check_clips(clips, world)
        torch.manual_seed(train.seed)
        self.config, self.model, self.device = train, model, device
        self.clips = clips
        self.groups = PromptGroups(clips.prompts, known=world.seen_prompts, seed=train.seed)
        self.text = build_text(model, world)
        self.prompt_features = self.text.features(world.seen_prompts).to(device)
        labels = Labels(world, things=model.things)
        self.prompt_labels = labels.weight * labels.of(world.seen_prompts).to(device)
        self.label_weight = labels.weight
        self.generator = build_generator(model, world).to(device)
        self.average = AveragedModel(self.generator, multi_avg_fn=warmed_up_average(train.ema_decay))
        self.critics: dict[str, nn.Module] = {
            CLIP: ClipDiscriminator(
                model,
                text=self.text,
                labels=len(labels),
                frames=world.frames,
                frame_size=world.frame_size,
                group=train.clips_per_prompt,
            ).to(device)
        }
        self.penalties: dict[str, float] = {}
        if model.frame_critic_channels:
            self.critics[FRAME] = FrameDiscriminator(
                model, text=self.text, labels=len(labels), frame_size=world.frame_size
            ).to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "average": self.average,
            **self.critics,
        }
        critics = [parameter for critic in self.critics.values() for parameter in critic.parameters()]
        if device.type == "cuda":
            for module in self.modules.values():
                module.to(memory_format=torch.channels_last)
            if train.compile:  # not the discriminators: penalties need second derivatives, compiled code has none
                self.generator.motion.compile()
                self.generator.decoder.compile()
        betas = (train.beta1, train.beta2)
        self.optimisers = {
            name: torch.optim.Adam(parameters, train.learning_rate, betas=betas, fused=True)
            for name, parameters in (("generator", list(self.generator.parameters())), ("critics", critics))
        }
        self.advantage = torch.ones(len(world.seen_prompts))
        self.steps_done, self.cpu_seconds = 0, 0.0

    @property
    def averaged(self) -> TextGenerator:
        """The generator with the moving average of its weights: the one to draw samples with."""
        return self.average.module  # type: ignore[return-value]

    @property
    def clips_per_step(self) -> float:
        """Real clips that a step sees."""
        return self.config.prompts_per_batch * self.config.clips_per_prompt

    def exports(self) -> dict[str, dict[str, Tensor]]:
        """None: the checkpoint is all that there is."""
        return {}

    def step(self) -> dict[str, Tensor]:
        """One round for the discriminators, one for the generator, on the same prompts. Returns 0-d losses."""
        random = step_generator(self.config.seed, self.steps_done)
        config = self.config
        batch = self.groups.draw(
            self.advantage.clamp(min=0) + config.prompt_floor,
            prompts=config.prompts_per_batch,
            clips=config.clips_per_prompt,
            generator=random,
        )
        shown = self._shown(batch, random)
        noises = [self._noises(shown, random) for _ in range(2)]
        self._follow_schedule()
        # The generator answers with other clips than those that the discriminators have just learned to refuse.
        with torch.no_grad():
            fakes, _ = self._fakes(noises[0], shown)
        losses = self._critics_round(batch, self._reals(shown), fakes, shown.said)
        losses |= self._generator_round(*self._fakes(noises[1], shown), shown.said)
        self.average.update_parameters(self.generator)
        self.steps_done += 1
        return losses

    def _shown(self, batch: Batch, random: torch.Generator) -> _Round:
        batches, stills = {CLIP: batch}, self.config.stills
        down, across = torch.randint(2, (2,), generator=random).tolist()
        moments = torch.randint(self.clips.manifest.world.frames, (stills,), generator=random)
        if FRAME in self.critics:
            evenly = torch.ones(len(self.prompt_labels))
            batches[FRAME] = self.groups.draw(evenly, prompts=stills, clips=1, generator=random)
        numbers = {name: drawn.prompts.to(self.device) for name, drawn in batches.items()}
        return _Round(
            indices={name: drawn.indices for name, drawn in batches.items()},
            said={
                name: _Said(self.prompt_features[drawn], self.prompt_labels[drawn]) for name, drawn in numbers.items()
            },
            phase=(down, across),
            moments=moments,
        )

    def _noises(self, shown: _Round, random: torch.Generator) -> dict[str, Tensor]:
        """For each discriminator (N, Z)."""
        return {
            name: draw_noise(len(indices), config=self.model, generator=random).to(self.device)
            for name, indices in shown.indices.items()
        }

    def _follow_schedule(self) -> None:
        """Learning rate and penalties of this step."""
        done = share_done(self.config, steps=self.steps_done, cpu_seconds=self.cpu_seconds)
        self.penalties = {CLIP: clip_penalty(self.config, done), FRAME: self.config.frame_penalty}
        set_rate(self.optimisers.values(), learning_rate(self.config, done))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def _fakes(self, noises: dict[str, Tensor], shown: _Round) -> tuple[dict[str, Tensor], Tensor]:
        """What each discriminator sees of generated clips: (N, T, 3, S/2, S/2), and whole frames (N, 3, S, S).

        The second result is the free term of the motion of the clips' things (N * things, T * M).
        """
        generator = self.generator
        with self._autocast():
            latents, free = generator.latents(noises[CLIP], shown.said[CLIP].features)
            views = {CLIP: generator.decoder(latents, shown.phase)}
            if FRAME in self.critics:
                others, _ = generator.latents(noises[FRAME], shown.said[FRAME].features)
                stills = _at(others.transpose(1, 2), shown.moments).unsqueeze(2)
                views[FRAME] = generator.decoder(stills).squeeze(1)
        return views, free

    def _reals(self, shown: _Round) -> dict[str, Tensor]:
        """The same of real clips."""
        planes = {name: self.clips.ink.frames(indices) for name, indices in shown.indices.items()}  # uint8
        down, across = shown.phase
        views = {CLIP: as_pictures(planes[CLIP][..., down::2, across::2], self.device)}
        if FRAME in self.critics:
            views[FRAME] = as_pictures(_at(planes[FRAME], shown.moments), self.device)
        return views

    def _critics_round(
        self, batch: Batch, reals: dict[str, Tensor], fakes: dict[str, Tensor], said: dict[str, _Said]
    ) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        total = torch.zeros((), device=self.device)
        every = self.config.penalty_every
        for name, critic in self.critics.items():
            real, fake = reals[name], fakes[name]
            beside = said[name]
            with self._autocast():
                judged = critic(real, beside.features, beside.labels)
                fake_scores = critic(fake, beside.features, beside.labels).scores.float()
            real_scores = judged.scores.float()
            loss = discriminator_loss(real_scores, fake_scores)
            losses[name] = loss.detach()
            total = total + loss
            if judged.words is not None:
                told = word_loss(judged.words.float(), beside.labels)
                losses[f"{name}_words"] = told.detach()
                total = total + self.config.word_weight * self.label_weight * told
            if self.steps_done % every == 0:
                both = [self._penalty_at(critic, view.float(), beside) for view in (real, fake)]
                penalty = 0.5 * self.penalties[name] * torch.stack(both).sum()
                losses[f"{name}_penalty"] = penalty.detach()
                total = total + every * penalty
            if name == CLIP:
                self._note_advantage(batch.prompts, (real_scores - fake_scores).detach().cpu())
        descend(self.optimisers["critics"], total, allow_unused=True)
        return losses

    @staticmethod
    def _penalty_at(critic: nn.Module, views: Tensor, said: _Said) -> Tensor:
        return gradient_penalty(lambda inputs: critic(inputs, said.features, said.labels).scores, views)

    def _generator_round(self, fakes: dict[str, Tensor], free: Tensor, said: dict[str, _Said]) -> dict[str, Tensor]:
        penalty = self.config.free_term_penalty * free.float().square().mean()
        losses = {"free_term_penalty": penalty.detach()}
        total = penalty
        for name, critic in self.critics.items():
            beside = said[name]
            with self._autocast():
                judged = critic(fakes[name], beside.features, beside.labels)
            loss = generator_loss(judged.scores.float())
            losses[f"generator_{name}"] = loss.detach()
            if judged.words is not None:
                told = word_loss(judged.words.float(), beside.labels)
                losses[f"generator_{name}_words"] = told.detach()
                loss = loss + self.config.generator_word_weight * self.label_weight * told
            total = total + (self.config.frame_weight if name == FRAME else 1.0) * loss
        descend(self.optimisers["generator"], total, allow_unused=True)
        return losses

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
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned for equal configs."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.advantage = state["advantage"].clone()
        self.groups.visits = state["visits"].clone()
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]


def _at(clips: Tensor, moments: Tensor) -> Tensor:
    """Of clips (N, T, ...) what is at the moments (N,): (N, ...)."""
    return clips[torch.arange(len(clips), device=clips.device), moments.to(clips.device)]
