"""`kill -9` of a training process at random moments, on a worker and on the command line."""

from __future__ import annotations

import random
import statistics
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.findings import require
from benchmarks.faults.programs import Program, wait_for
from benchmarks.faults.runs import Run
from benchmarks.faults.site import Site
from benchmarks.faults.trainings import config, final_digests, training_parameters, undisturbed
from data.home import Home
from flows.servers.automations import RESCHEDULED_AT_MOST

KILLS = 10
START_SECONDS = 600.0
SEED_OF_MOMENTS = 1


def on_a_worker(folder: Path, kills: int = KILLS) -> str:
    """Kill trainings on the gpu worker. No run is killed more often than the server reschedules it."""
    moments, waits, done, seed = random.Random(SEED_OF_MOMENTS), [], 0, 0
    with Site(folder, workers={"gpu": 1}) as site:
        (worker,) = site.workers.values()
        while done < kills:
            settings = config(seed=seed)
            digest, duration = undisturbed(settings, folder / f"undisturbed-{seed}")
            run = Run.of(site, "train/train", training_parameters(settings, registered=False))
            since, hits = time.time(), 0
            while hits < min(RESCHEDULED_AT_MOST, kills - done) and _is_training(site.home, run, since):
                time.sleep(moments.uniform(0, 0.7 * duration))
                if run.state().is_completed():
                    break
                killed, since, hits = time.monotonic(), time.time(), hits + 1
                for process in worker.descendants():
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                run.wait_until("Crashed", "AwaitingRetry", seconds=120)
                require(_is_training(site.home, run, since), "the run completed without training again")
                waits.append(time.monotonic() - killed)
            run.wait_until("Completed", seconds=START_SECONDS)
            seed, done = seed + 1, done + hits
            digests = final_digests(site.home)
            require(len(digests) == seed, f"{len(digests)} trainings have ended, expected {seed}")
            require(digest in digests, f"the weights of training {seed} differ from those of an undisturbed training")
    return (
        f"kills: {done}, runs: {seed}. Each training went on by itself, {statistics.median(waits):.0f} s after the "
        f"kill (median; longest {max(waits):.0f} s); final weights bit-identical in {seed} of {seed}"
    )


def on_the_command_line(folder: Path, kills: int = KILLS) -> str:
    """Kill `flipbook train`, and give the same command again."""
    moments, done, seed = random.Random(SEED_OF_MOMENTS), 0, 0
    with Site(folder) as site:
        while done < kills:
            settings = config(seed=seed)
            digest, duration = undisturbed(settings, folder / f"undisturbed-{seed}")
            while True:
                since = time.time()
                command = site.command_line("train", config=settings)
                _wait_for_training(site.home, command, since)
                if done < kills:
                    time.sleep(moments.uniform(0, 0.5 * duration))
                if done == kills or command.exit_code is not None:
                    break
                command.kill()
                done += 1
            require(command.wait(START_SECONDS) == 0, f"`flipbook train` failed:\n{command.end_of_log()}")
            seed += 1
            digests = final_digests(site.home)
            require(len(digests) == seed, f"{len(digests)} trainings have ended, expected {seed}")
            require(digest in digests, f"the weights of training {seed} differ from those of an undisturbed training")
    return (
        f"kills: {done}, trainings: {seed}; the same command was given again each time; final weights bit-identical in "
        f"{seed} of {seed}"
    )


def _is_training(home: Home, run: Run, since: float) -> bool:
    """Wait until the run's training has begun after `since`. Returns False if the run completes without training."""
    wait_for(
        f"the training of a run in the state {run.state().name}",
        lambda: _began(home, since) or run.state().is_completed(),
        seconds=START_SECONDS,
        every=0.1,
    )
    return _began(home, since)


def _wait_for_training(home: Home, command: Program, since: float) -> None:
    """Wait until the command trains or has ended."""
    wait_for(
        "the training of `flipbook train`",
        lambda: _began(home, since) or command.exit_code is not None,
        seconds=START_SECONDS,
        every=0.05,
    )


def _began(home: Home, since: float) -> bool:
    """Whether a training has written to its folder after `since`."""
    return any(path.stat().st_mtime > since for path in home.checkpoints.glob("*/*"))
