"""One training step of our networks: a round for the discriminators, then one for the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from data.reading.dataset import ClipTensors
from data.subject import Subject
from data.worlds.world import WorldConfig
from models.config import ModelConfig, TrainConfig
from models.networks.clip_discriminator import ClipDiscriminator
from models.networks.discriminator import Discriminator
from models.networks.frame_discriminator import FrameDiscriminator
from models.networks.generator import TextGenerator, build_generator
from models.text.caption_features import CaptionFeatures, Prompts
from models.text.features import build_text
from models.text.labels import Labels
from models.text.soft_words import SoftWords
from models.training.averaging import warmed_up_average
from models.training.batches import Batch, PromptGroups, as_pictures, step_generator
from models.training.game import check_clips
from models.training.losses import (
    discriminator_loss,
    free_term_size,
    generator_loss,
    gradient_penalty,
    word_loss,
    wrong_prompt_loss,
)
from models.training.optimise import descend, set_rate
from models.training.schedule import (
    clip_penalty,
    free_term_penalty,
    free_term_threshold,
    learning_rate,
    share_done,
    wrong_prompt_weight,
)

CLIP, FRAME = "clip_discriminator", "frame_discriminator"
"""Names of the discriminators, in losses and in the training's state."""

MOST_READ = 50_000
"""The reader of free words is fitted to so many captions at most."""

ADVANTAGE_DECAY = 0.9
"""Decay of the moving average of each prompt's D(real) - D(generated), per time that the prompt is drawn."""


@dataclass(frozen=True)
class _Round:
    """What the discriminators see in one step. The dictionaries have one entry per discriminator."""

    clips: dict[str, Tensor]
    """Places of the real clips in the data set, int64 (N,).

    The frame discriminator has its own clips. Single frames cost little, so it sees many more prompts per step.
    """
    prompts: dict[str, Prompts]
    """Their prompts, which the generated clips have, too."""
    phase: tuple[int, int]
    """First row and first column of the pixels that the clip discriminator sees: every second one from there on."""
    frames: Tensor
    """int64 (N,): which frame of each clip the frame discriminator sees."""


class FlipbookGame:
    """Our generator, its moving average, the discriminators and their optimisers. See `models.training.game.Game`."""

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

        `report_reading` is called while a frozen encoder reads the captions, which takes minutes for many of them, with
        how many are done and how many there are.

        Raises:
            ValueError: the clips do not fit the subject, or the networks cannot draw its format.
        """
        check_clips(clips, subject)
        torch.manual_seed(train.seed)
        self.config, self.model, self.device = train, model, device
        self.clips = clips
        known = subject.seen_prompts if isinstance(subject, WorldConfig) else ()
        self.groups = PromptGroups(clips.captions, known=known, group=train.clips_per_prompt, seed=train.seed)
        text = build_text(model, subject)
        labels = Labels(subject, objects=model.objects) if model.word_heads else None
        reading = (lambda done, total: None) if text.frozen is None else report_reading
        self.captions = CaptionFeatures(self.groups.texts, text, labels, device=device, report=reading)
        self.generator = build_generator(model, subject).to(device)
        if isinstance(self.generator.text, SoftWords):
            self._learn_to_read(self.generator.text, subject)
        self.average = AveragedModel(self.generator, multi_avg_fn=warmed_up_average(train.ema_decay))
        self.discriminators: dict[str, Discriminator] = {
            CLIP: ClipDiscriminator(
                model,
                text=text,
                labels=self.captions.labels,
                clip=subject.format,
                group=train.clips_per_prompt,
            ).to(device)
        }
        if model.frame_discriminator_channels:
            self.discriminators[FRAME] = FrameDiscriminator(
                model, text=text, labels=self.captions.labels, clip=subject.format
            ).to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "average": self.average,
            **self.discriminators,
        }
        if device.type == "cuda":
            for module in self.modules.values():
                module.to(memory_format=torch.channels_last)
            if train.compile:  # Gradient penalties need second derivatives, which compiled code does not have.
                self.generator.motion.compile()
                self.generator.decoder.compile()
        learned = {
            "generator": list(self.generator.parameters()),
            "discriminators": [weight for part in self.discriminators.values() for weight in part.parameters()],
        }
        betas = (train.beta1, train.beta2)
        self.optimisers = {
            name: torch.optim.Adam(parameters, train.learning_rate, betas=betas, fused=True)
            for name, parameters in learned.items()
        }
        self.advantage = torch.ones(len(self.groups.prompts))  # (P,), on the CPU
        self.penalties: dict[str, float] = {}
        self.free_term_penalty = self.wrong_prompt_weight = 0.0
        self.steps_done, self.cpu_seconds = 0, 0.0

    def _learn_to_read(self, reader: SoftWords, subject: Subject) -> None:
        """Fit the generator's reader of free words to the clips' captions and the plain prompts that mean the same."""
        captions, prompts, often = self.groups.readings()
        every = -(-len(captions) // MOST_READ)
        captions, prompts, often = captions[::every], prompts[::every], often[::every]
        texts = cast(list[str], self.groups.texts.take(pa.array(prompts.numpy())).to_pylist())
        words = Labels(subject, objects=1).of(texts)
        reader.fit(self.captions.features(captions), words.to(self.device), often=often.to(self.device))

    @property
    def averaged(self) -> TextGenerator:
        """The generator with the moving average of its weights."""
        return self.average.module  # type: ignore[return-value]

    @property
    def clips_per_step(self) -> float:
        """Real clips that the clip discriminator sees per step."""
        return self.config.prompts_per_batch * self.config.clips_per_prompt

    def exports(self) -> dict[str, dict[str, Tensor]]:
        """Nothing: other programs can read the checkpoint's safetensors file."""
        return {}

    def step(self) -> dict[str, Tensor]:
        """One round for the discriminators and one for the generator, with the same prompts. Returns 0-d losses."""
        random = step_generator(self.config.seed, self.steps_done)
        config = self.config
        batch = self.groups.draw(
            self.advantage.clamp(min=0) + config.prompt_floor,
            prompts=config.prompts_per_batch,
            clips=config.clips_per_prompt,
            generator=random,
        )
        shown = self._show(batch, random)
        noises = [self._noises(shown, random) for _ in range(2)]
        self._follow_schedule()
        # The generator answers with other clips than those that the discriminators have just learned to reject.
        with torch.no_grad():
            fakes, _ = self._fakes(noises[0], shown)
        losses = self._discriminators_round(batch, self._reals(shown), fakes, shown.prompts)
        losses |= self._generator_round(*self._fakes(noises[1], shown), shown.prompts)
        self.average.update_parameters(self.generator)
        self.steps_done += 1
        return losses

    def _show(self, batch: Batch, random: torch.Generator) -> _Round:
        """Choose all that the discriminators see in this step; `batch` is for the clip discriminator."""
        batches, count = {CLIP: batch}, self.config.frames_per_batch
        row, column = torch.randint(2, (2,), generator=random).tolist()
        frames = torch.randint(self.clips.manifest.clip.frames, (count,), generator=random)
        if FRAME in self.discriminators:
            evenly = torch.ones(len(self.advantage))
            batches[FRAME] = self.groups.draw(evenly, prompts=count, clips=1, generator=random)
        return _Round(
            clips={name: drawn.clips for name, drawn in batches.items()},
            prompts={name: self.captions.of(drawn.captions, drawn.prompts) for name, drawn in batches.items()},
            phase=(row, column),
            frames=frames,
        )

    def _noises(self, shown: _Round, random: torch.Generator) -> dict[str, Tensor]:
        """Noise (N, Z) of the generated clips for each discriminator."""
        return {
            name: self.generator.draw_noise(len(clips), random=random).to(self.device)
            for name, clips in shown.clips.items()
        }

    def _follow_schedule(self) -> None:
        """Set the learning rate, the penalties and the threshold of the free term of this step."""
        done = share_done(self.config, steps=self.steps_done, cpu_seconds=self.cpu_seconds)
        self.penalties = {CLIP: clip_penalty(self.config, done), FRAME: self.config.frame_penalty}
        self.free_term_penalty = free_term_penalty(self.config, done)
        self.wrong_prompt_weight = wrong_prompt_weight(self.config, done)
        self.generator.motion.threshold.fill_(free_term_threshold(self.config, done))
        set_rate(self.optimisers.values(), learning_rate(self.config, done))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def _fakes(self, noises: dict[str, Tensor], shown: _Round) -> tuple[dict[str, Tensor], Tensor]:
        """What each discriminator sees of generated clips, in [-1, 1], and the free term of the clips' text.

        The clip discriminator sees (N, T, 3, H/2, W/2), the frame discriminator (N, 3, H, W). The free term is
        (N * objects, `motion_width`).
        """
        generator = self.generator
        with self._autocast():
            latents, free = generator.latents(noises[CLIP], shown.prompts[CLIP].features)  # (N, objects, T, M + C)
            views = {CLIP: generator.decoder(latents, shown.phase)}
            if FRAME in self.discriminators:
                latents, _ = generator.latents(noises[FRAME], shown.prompts[FRAME].features)
                single = _frames_of(latents.transpose(1, 2), shown.frames).unsqueeze(2)  # (N, objects, 1, M + C)
                views[FRAME] = generator.decoder(single).squeeze(1)
        return views, free

    def _reals(self, shown: _Round) -> dict[str, Tensor]:
        """What each discriminator sees of real clips; shapes as in `_fakes`."""
        clips = {name: self.clips.frames(places) for name, places in shown.clips.items()}  # uint8 (N, T, 3, H, W)
        row, column = shown.phase
        negative = self.generator.config.background == "black"
        views = {CLIP: as_pictures(clips[CLIP][..., row::2, column::2], self.device, negative=negative)}
        if FRAME in self.discriminators:
            views[FRAME] = as_pictures(_frames_of(clips[FRAME], shown.frames), self.device, negative=negative)
        return views

    def _discriminators_round(
        self, batch: Batch, reals: dict[str, Tensor], fakes: dict[str, Tensor], prompts: dict[str, Prompts]
    ) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        total = torch.zeros((), device=self.device)
        every = self.config.penalty_every
        for name, discriminator in self.discriminators.items():
            real, fake, asked = reals[name], fakes[name], prompts[name]
            with self._autocast():
                seen = discriminator.see(real)
                judged = discriminator.judge(seen, asked.features, asked.labels)
                fake_scores = discriminator(fake, asked.features, asked.labels).scores.float()
            real_scores = judged.scores.float()
            loss = discriminator_loss(real_scores, fake_scores)
            losses[name] = loss.detach()
            total = total + loss
            if name == CLIP and self.wrong_prompt_weight:
                wrong = _wrong(asked, group=self.config.clips_per_prompt)
                with self._autocast():
                    wrong_scores = discriminator.judge(seen, wrong.features, wrong.labels).scores.float()
                loss = wrong_prompt_loss(real_scores, wrong_scores)
                losses["wrong_prompts"] = loss.detach()
                total = total + self.wrong_prompt_weight * loss
            if judged.words is not None:
                words = word_loss(judged.words.float(), asked.labels)
                losses[f"{name}_words"] = words.detach()
                total = total + self.config.word_weight * self.captions.label_weight * words
            if self.steps_done % every == 0 and self.penalties[name]:
                both = [_penalty_at(discriminator, view.float(), asked) for view in (real, fake)]
                penalty = 0.5 * self.penalties[name] * torch.stack(both).sum()
                losses[f"{name}_penalty"] = penalty.detach()
                total = total + every * penalty
            if name == CLIP:
                self._note_advantage(batch.groups, (real_scores - fake_scores).detach().cpu())
        descend(self.optimisers["discriminators"], total, allow_unused=True)
        return losses

    def _generator_round(
        self, fakes: dict[str, Tensor], free: Tensor, prompts: dict[str, Prompts]
    ) -> dict[str, Tensor]:
        penalty = self.free_term_penalty * free_term_size(free.float())
        losses = {"free_term_penalty": penalty.detach()}
        total = penalty
        for name, discriminator in self.discriminators.items():
            asked = prompts[name]
            with self._autocast():
                judged = discriminator(fakes[name], asked.features, asked.labels)
            loss = generator_loss(judged.scores.float())
            losses[f"generator_{name}"] = loss.detach()
            if judged.words is not None:
                words = word_loss(judged.words.float(), asked.labels)
                losses[f"generator_{name}_words"] = words.detach()
                loss = loss + self.config.generator_word_weight * self.captions.label_weight * words
            total = total + (self.config.frame_weight if name == FRAME else 1.0) * loss
        descend(self.optimisers["generator"], total, allow_unused=True)
        return losses

    def _note_advantage(self, groups: Tensor, advantage: Tensor) -> None:
        """Remember how much better the clip discriminator scored real clips.

        `groups` holds the number of each group's prompt, and `advantage` (N,) one value per clip.
        """
        for number, value in zip(groups.tolist(), advantage.view(len(groups), -1).mean(1).tolist(), strict=True):
            if number == len(self.advantage):  # a mixed group
                continue
            self.advantage[number] = ADVANTAGE_DECAY * self.advantage[number] + (1 - ADVANTAGE_DECAY) * value

    def state_dict(self) -> dict[str, Any]:
        """See `models.training.game.Game`."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "advantage": self.advantage.clone(),
            "visits": self.groups.visits.clone(),
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `models.training.game.Game`."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.advantage = state["advantage"].clone()
        self.groups.visits = state["visits"].clone()
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]


def _wrong(asked: Prompts, *, group: int) -> Prompts:
    """Give each group of `group` clips the prompt of another group, which may happen to be the same prompt."""
    return Prompts(asked.features.roll(group, dims=0), asked.labels.roll(group, dims=0))


def _penalty_at(discriminator: Discriminator, views: Tensor, asked: Prompts) -> Tensor:
    return gradient_penalty(lambda inputs: discriminator(inputs, asked.features, asked.labels).scores, views)


def _frames_of(clips: Tensor, frames: Tensor) -> Tensor:
    """One frame of each clip: (N, ...) from clips (N, T, ...) and frame numbers (N,)."""
    return clips[torch.arange(len(clips), device=clips.device), frames.to(clips.device)]
