"""The Prefect server goes away for some seconds while a pipeline waits for the training that it has handed over."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from benchmarks.faults.findings import require
from benchmarks.faults.programs import wait_for
from benchmarks.faults.runs import Run
from benchmarks.faults.site import Site, as_parameters
from benchmarks.faults.trainings import config, steps_saved, the_digest, undisturbed

PATIENCE_SECONDS = 600.0
AWAY_SECONDS = 15.0
SEED_OF_MOMENTS = 4
SIGNALS = {signal.SIGTERM: "SIGTERM", signal.SIGKILL: "kill -9"}
GOOD = {"Scheduled", "Late", "Pending", "Running", "Completed"}


def in_training(folder: Path) -> str:
    """Away once for either signal, in the middle of the training."""
    return "; ".join(
        f"{name}: {_one(folder / name.replace(' ', ''), number, moment=None)}" for number, name in SIGNALS.items()
    )


def at_random_moments(folder: Path, times: int = 4) -> str:
    """Away at any moment between the first task and the end."""
    moments, seen = random.Random(SEED_OF_MOMENTS), []
    for time_ in range(times):
        number, name = list(SIGNALS.items())[time_ % 2]
        moment = moments.uniform(0, 60)
        seen.append(f"{name} {moment:.0f} s after the start: {_one(folder / str(time_), number, moment=moment)}")
    return "; ".join(seen)


def _one(folder: Path, number: signal.Signals, *, moment: float | None) -> str:
    """One pipeline; the server ends by the signal `number`, in its training or `moment` seconds after its start."""
    folder.mkdir(parents=True)
    settings = config()
    digest, _ = undisturbed(settings, folder / "undisturbed")
    with Site(folder, workers={"cpu": 1, "gpu": 1}) as site:
        parameters = {"config": as_parameters(settings), "train_on": "train/train"}
        run = Run.of(site, "pipeline/pipeline", parameters)
        run.wait_until("Running", seconds=PATIENCE_SECONDS)
        if moment is None:
            wait_for("a checkpoint", lambda: steps_saved(site.home), seconds=PATIENCE_SECONDS, every=0.05)
        else:
            time.sleep(moment)
        require(not run.state().is_final(), f"the pipeline was {run.state().name} before the server went")
        gone = time.monotonic()
        site.server.stop(number)
        time.sleep(AWAY_SECONDS)
        site.server.start()
        site.wait_until_up()
        away = time.monotonic() - gone
        after = run.wait_until("Completed", seconds=PATIENCE_SECONDS)
        for each in (run, *run.children()):
            names = each.names()
            require(set(names) <= GOOD, f"{each.read().name} went through {names}")
            states = {task.name: task.state.name for task in each.tasks() if task.state}
            require(set(states.values()) <= {"Completed", "Cached"}, f"tasks of {each.read().name}: {states}")
        trained = [task for each in run.children() for task in each.tasks("train")]
        require(len(trained) == 1, f"{len(trained)} train tasks")
        require(the_digest(site.home) == digest, "other weights than those of an undisturbed training")
        return (
            f"away {away:.0f} s, Completed {after:.0f} s later, every state right, trained once, weights bit-identical"
        )
