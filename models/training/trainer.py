"""The training loop: steps, reports, checkpoints. It knows no scheduler and no tracker; it reports through a callback.

from data.reading.dataset import load_clips
from models.training.trainer import train
final = train(clips=load_clips(folder), world=world, model=ModelConfig(), train=TrainConfig(), folder=out, report=print)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.cores import usable_cores
from data.reading.dataset import ClipTensors
from data.selection import spread_over_tiers
from data.worlds.world import WorldConfig
from models.checkpoint import FINAL, CheckpointInfo, newest_state, read_info, remove_old, save_checkpoint
from models.config import ModelConfig, TrainConfig
from models.device import keep_freed_memory, pick_device
from models.networks.network import network_of
from models.sampling import render_samples
from models.text.protocols import PromptFeatures
from models.training.adversary import Adversary
from models.training.game import Game
from models.training.schedule import share_done
from models.tutorial.adversary import TutorialAdversary

SAMPLED_PROMPTS = 24
"""Samples show so many prompts at most, of all tiers."""
_GAMES: dict[str, Callable[..., Game]] = {"flipbook": Adversary, "tutorial": TutorialAdversary}


@dataclass(frozen=True)
class Progress:
    """`losses` are means over the steps since the last report; speed in real clips per second.

    `total` is the number of steps, where CPU time is limited an estimate of it.
    """

    step: int
    total: int
    losses: dict[str, float]
    clips_per_second: float


@dataclass(frozen=True)
class Samples:
    """One clip of the averaged generator per prompt, held-out prompts too: frames uint8 (N, T, S, S, 3).

    Of more than `SAMPLED_PROMPTS` prompts it is an even choice.
    """

    step: int
    prompts: tuple[str, ...]
    frames: NDArray[np.uint8]


@dataclass(frozen=True)
class Saved:
    """A checkpoint is complete on disk."""

    step: int
    path: Path


TrainEvent = Progress | Samples | Saved


def train(
    *,
    clips: ClipTensors,
    world: WorldConfig,
    model: ModelConfig,
    train: TrainConfig,
    folder: Path,
    report: Callable[[TrainEvent], None],
) -> Path:
    """Train, or go on where an earlier call with the same arguments was interrupted, to the same weights bit for bit.

    Under a CPU limit the number of steps depends on how fast they are, so there the weights are not the same.

    Args:
        clips: the training set; every seen prompt of `world` must have a clip.
        world: gives prompts, vocabulary and sizes.
        model: sizes of the networks.
        train: how to train.
        folder: of this training alone; its checkpoints lie there as step-N, the last one as final.
        report: called with each event, in this thread.

    Returns:
        The folder of the final checkpoint.

    Raises:
        ValueError: clips and world do not fit together, or the device is not there.
        FrozenWeightsError: the frozen text encoder is not installed, or other than when the training began.
        StorageError: a checkpoint cannot be written.
        KeyboardInterrupt: on Ctrl-C; a later call goes on from the last checkpoint.
    """
    final = folder / FINAL
    if final.exists() and _is_done(train, read_info(final)):
        return final
    device = pick_device(train.device)
    if device.type == "cpu":
        keep_freed_memory()
        torch.set_num_threads(train.threads or min(torch.get_num_threads(), usable_cores()))
    text = network_of(model).text(model, world)
    game = _GAMES[model.network](clips=clips, world=world, model=model, train=train, device=device)
    folder.mkdir(parents=True, exist_ok=True)
    state = newest_state(folder, frozen_text=text.frozen)
    if state is not None:
        game.load_state_dict(state)

    def save(name: str) -> Path:
        path = save_checkpoint(
            folder / name,
            weights=game.averaged.state_dict(),
            state=game.state_dict(),
            world=world,
            model=model,
            step=game.steps_done,
            cpu_seconds=game.cpu_seconds,
            dataset_digest=clips.manifest.digest,
            frozen_text=text.frozen,
            exports=game.exports() if name == FINAL else None,
        )
        remove_old(folder, keep=train.keep)
        report(Saved(step=game.steps_done, path=path))
        return path

    # Nothing is saved on Ctrl-C: it may fall into the middle of a step, and half a step is no state to go on from.
    _run(game, text=text, world=world, train=train, report=report, save=save)
    return save(FINAL)


def _run(
    game: Game,
    *,
    text: PromptFeatures,
    world: WorldConfig,
    train: TrainConfig,
    report: Callable[[TrainEvent], None],
    save: Callable[[str], Path],
) -> None:
    prompts = spread_over_tiers(world.tiers, SAMPLED_PROMPTS)
    features = text.features(prompts, unknown_words="ignore")
    sums: dict[str, list[Tensor]] = {}
    reported, steps, saved = time.monotonic(), 0, time.monotonic()
    while share_done(train, steps=game.steps_done, cpu_seconds=game.cpu_seconds) < 1:
        begun = time.process_time()
        for name, value in game.step().items():
            sums.setdefault(name, []).append(value)
        if train.cpu_minutes:  # else it decides nothing, and the same training would leave other bytes each time
            game.cpu_seconds += time.process_time() - begun
        step, steps = game.steps_done, steps + 1
        done = share_done(train, steps=step, cpu_seconds=game.cpu_seconds)
        if step % train.log_every == 0 or done == 1:
            losses = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
            now, total = time.monotonic(), round(step / done)
            report(Progress(step, total, losses, clips_per_second=steps * game.clips_per_step / (now - reported)))
            sums, reported, steps = {}, now, 0
        if step % train.sample_every == 0 or done == 1:
            frames = render_samples(game.averaged, features, seed=train.seed, world=world, config=game.model)
            report(Samples(step, prompts, frames))
        if time.monotonic() - saved > train.checkpoint_seconds and done < 1:
            save(_name(step))
            saved = time.monotonic()


def _is_done(train: TrainConfig, final: CheckpointInfo) -> bool:
    return share_done(train, steps=final.step, cpu_seconds=final.cpu_seconds) == 1


def _name(step: int) -> str:
    return f"step-{step:08d}"
