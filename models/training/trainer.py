"""The training loop: steps, reports and checkpoints. Prefect and MLflow learn of it through a callback.

from data.reading.dataset import load_clips
from models.training.trainer import train
clips = load_clips(folder)
final = train(clips=clips, subject=world, model=ModelConfig(), train=TrainConfig(), folder=out, report=print)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.reading.dataset import ClipTensors
from data.selection import spread_over_tiers
from data.subject import Subject
from models.checkpoint import FINAL, CheckpointInfo, read_info, save_checkpoint
from models.config import ModelConfig, TrainConfig
from models.device import keep_freed_memory, pick_device, use_threads
from models.networks.choice import build_prompt_features
from models.sampling import render_samples
from models.text.protocols import PromptFeatures
from models.training.divergence import check_losses, check_state
from models.training.expectation import Expectation, expectation
from models.training.flipbook_game import FlipbookGame
from models.training.game import Game
from models.training.resume import newest_state, remove_old, step_folder
from models.training.schedule import share_done
from models.tutorial.game import TutorialGame

SAMPLED_PROMPTS = 24
"""`Samples` shows at most this many prompts, spread over all tiers."""
WORTH_TRYING = 100
"""A training with at least this many steps left says before it begins how long it will take."""
_GAMES: dict[str, Callable[..., Game]] = {"flipbook": FlipbookGame, "tutorial": TutorialGame}


@dataclass(frozen=True)
class Reading:
    """How many of the different captions are read, before the first step."""

    done: int
    total: int


@dataclass(frozen=True)
class Progress:
    """How far the training is."""

    step: int
    total: int
    """Number of steps of the whole training; an estimate if CPU time is limited."""
    losses: dict[str, float]
    """Each loss, averaged over the steps since the last report."""
    clips_per_second: float
    """Real clips that the training saw per second since the last report."""


@dataclass(frozen=True)
class Samples:
    """One clip per prompt from the averaged generator, held-out prompts included."""

    step: int
    prompts: tuple[str, ...]
    frames: NDArray[np.uint8]
    """(N, T, H, W, 3)"""


@dataclass(frozen=True)
class Saved:
    """A checkpoint is complete on disk."""

    step: int
    path: Path


TrainEvent = Expectation | Reading | Progress | Samples | Saved


def train(
    *,
    clips: ClipTensors,
    subject: Subject,
    model: ModelConfig,
    train: TrainConfig,
    folder: Path,
    report: Callable[[TrainEvent], None],
) -> Path:
    """Train, or go on with an interrupted training of the same arguments.

    An interrupted training ends with the same weights, bit for bit, as one that was not interrupted. This does not
    hold under a CPU limit, where the number of steps depends on their speed.

    Args:
        clips: the training set. Every seen prompt of a world must have a clip.
        subject: what to learn: gives prompts, vocabulary and the format of clips.
        model: which networks, and their sizes.
        train: how to train.
        folder: holds the checkpoints of this training and of no other: `step-N`, and at last `final`.
        report: called in this thread with each event.

    Returns:
        The folder of the final checkpoint.

    Raises:
        ValueError: clips, subject and networks do not fit together, or the device does not exist.
        DivergedError: losses or weights are not finite or explode. The checkpoints before that are kept.
        FrozenWeightsError: the frozen text encoder is not installed, or is not the one that the training began with.
        StorageError: a checkpoint cannot be written.
        KeyboardInterrupt: on Ctrl-C. The next call goes on from the last checkpoint.
    """
    final = folder / FINAL
    if final.exists() and _is_done(train, read_info(final)):
        return final
    device = pick_device(train.device)
    if device.type == "cpu":
        keep_freed_memory()
        use_threads(train.threads)
    text = build_prompt_features(model, subject)
    game = _GAMES[model.network](
        clips=clips,
        subject=subject,
        model=model,
        train=train,
        device=device,
        report_reading=lambda done, total: report(Reading(done, total)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    state = newest_state(folder, frozen_text=text.frozen)
    if state is not None:
        game.load_state_dict(state)
    left = train.steps - game.steps_done
    if left >= WORTH_TRYING:
        limit = max(60 * train.cpu_minutes - game.cpu_seconds, 0)
        step = partial(_step, game)
        period = train.penalty_every
        report(expectation(game, step, left=left, period=period, cpu_seconds=limit, device=device))

    def save(path: Path) -> None:
        save_checkpoint(
            path,
            weights=game.averaged.state_dict(),
            state=game.state_dict(),
            subject=subject,
            model=model,
            step=game.steps_done,
            cpu_seconds=game.cpu_seconds,
            dataset_digest=clips.manifest.digest,
            frozen_text=text.frozen,
            exports=game.exports() if path == final else None,
        )
        remove_old(folder, keep=train.keep)
        report(Saved(step=game.steps_done, path=path))

    def save_step() -> None:
        save(step_folder(folder, game.steps_done))

    # Ctrl-C saves nothing: it may come in the middle of a step, and half a step is no state to go on from.
    _run(game, text=text, subject=subject, train=train, report=report, save=save_step)
    save(final)
    return final


def _run(
    game: Game,
    *,
    text: PromptFeatures,
    subject: Subject,
    train: TrainConfig,
    report: Callable[[TrainEvent], None],
    save: Callable[[], None],
) -> None:
    prompts = spread_over_tiers(subject.tiers, SAMPLED_PROMPTS)
    features = text.features(prompts, unknown_words="ignore")
    losses: dict[str, list[Tensor]] = {}  # Of the steps since the last report.
    reported, steps, saved = time.monotonic(), 0, time.monotonic()
    while share_done(train, steps=game.steps_done, cpu_seconds=game.cpu_seconds) < 1:
        begun = time.process_time()
        for name, value in _step(game).items():
            losses.setdefault(name, []).append(value)
        if train.cpu_minutes:  # Without a limit the time would only make the checkpoints of equal trainings differ.
            game.cpu_seconds += time.process_time() - begun
        step, steps = game.steps_done, steps + 1
        done = share_done(train, steps=step, cpu_seconds=game.cpu_seconds)
        if step % train.log_every == 0 or done == 1:
            means = _checked_means(game, losses)
            now, total = time.monotonic(), round(step / done)
            report(Progress(step, total, means, clips_per_second=steps * game.clips_per_step / (now - reported)))
            losses, reported, steps = {}, now, 0
        if step % train.sample_every == 0 or done == 1:
            frames = render_samples(game.averaged, features, seed=train.seed, clip=subject.format)
            report(Samples(step, prompts, frames))
        if time.monotonic() - saved > train.checkpoint_seconds and done < 1:
            _checked_means(game, losses)
            save()
            saved = time.monotonic()


def _step(game: Game) -> dict[str, Tensor]:
    try:
        return game.step()
    except RuntimeError:  # PyTorch refuses to draw from NaN, and to compute some losses of NaN.
        check_state(game.state_dict(), step=game.steps_done + 1)
        raise


def _checked_means(game: Game, losses: dict[str, list[Tensor]]) -> dict[str, float]:
    """Each loss, averaged. Raises DivergedError if a loss or the state of the training is beyond all bounds."""
    means = {name: float(torch.stack(values).mean()) for name, values in losses.items()}
    check_losses(means, step=game.steps_done)
    check_state(game.state_dict(), step=game.steps_done)
    return means


def _is_done(train: TrainConfig, final: CheckpointInfo) -> bool:
    return share_done(train, steps=final.step, cpu_seconds=final.cpu_seconds) == 1
