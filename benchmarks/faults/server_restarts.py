"""The Prefect server is stopped and started again while a pipeline runs."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.findings import require
from benchmarks.faults.programs import wait_for
from benchmarks.faults.runs import Run, settled_tasks
from benchmarks.faults.site import Site, as_parameters
from benchmarks.faults.trainings import config, steps_saved, the_digest, undisturbed

PATIENCE_SECONDS = 600.0
AWAY_SECONDS = 15.0
STEPS = 800
SIGNALS = {signal.SIGTERM: "SIGTERM", signal.SIGKILL: "kill -9"}
LONG_SECONDS = 120.0  # longer than the silence after which a run is marked as crashed
LONGEST_MOMENT_SECONDS = 25.0  # the pipeline takes about half a minute
SEED_OF_MOMENTS = 1


@dataclass(frozen=True)
class Outcome:
    """How a pipeline ended after its server was restarted. Everything that must hold has held."""

    away: float
    """Seconds until the server answered again."""
    completed: float
    """Seconds from then until the pipeline completed."""
    crashes: int
    """How often the pipeline or its training was put back into the queue."""

    def __str__(self) -> str:
        again = f", {self.crashes} time(s) put back into the queue" if self.crashes else ""
        return (
            f"away {self.away:.0f} s, Completed {self.completed:.0f} s later{again}, trained once, weights "
            "bit-identical"
        )


def in_training(folder: Path) -> str:
    """Stop the server in the middle of the training, once per signal. No run may crash."""
    return "; ".join(
        f"{name}: {_one(folder / name.replace(' ', ''), number, may_crash=False)}" for number, name in SIGNALS.items()
    )


def for_long(folder: Path) -> str:
    """Stop the server for longer than a run may be silent. The run may be marked as crashed, but must complete."""
    return str(_one(folder, signal.SIGTERM, seconds=LONG_SECONDS))


def at_random_moments(folder: Path, times: int = 6) -> str:
    """Stop the server at random moments of a pipeline. A run may crash, but must complete."""
    chance = random.Random(SEED_OF_MOMENTS)
    moments, seen = [], []
    for attempt in range(times):
        moments.append(chance.uniform(0, LONGEST_MOMENT_SECONDS))
        seen.append(_one(folder / str(attempt), list(SIGNALS)[attempt % 2], moment=moments[-1]))
    crashed = sum(outcome.crashes > 0 for outcome in seen)
    when = ", ".join(f"{moment:.0f}" for moment in moments)
    away, completed = (_span([getattr(outcome, name) for outcome in seen]) for name in ("away", "completed"))
    return (
        f"{times} pipelines, {' and '.join(SIGNALS.values())} in turn, {when} s after their start: away {away} s, all "
        f"Completed {completed} s later, {crashed} of them put back into the queue on the way; each trained "
        "once, weights bit-identical"
    )


def _span(values: list[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"


def _one(
    folder: Path,
    number: signal.Signals,
    *,
    moment: float | None = None,
    seconds: float = AWAY_SECONDS,
    may_crash: bool = True,
) -> Outcome:
    """Run one pipeline, stop its server, and check that the pipeline completes.

    Args:
        folder: where the home and an undisturbed training are made.
        number: signal that stops the server.
        moment: seconds from the start of the pipeline to the signal. None: in the middle of the training.
        seconds: time until the server is started again.
        may_crash: whether a run may be marked as crashed on the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = config(steps=STEPS)
    digest, _ = undisturbed(settings, folder / "undisturbed")
    with Site(folder, workers={"cpu": 1, "gpu": 1}) as site:
        parameters = {"config": as_parameters(settings), "train_on": "train/train"}
        run = Run.of(site, "pipeline/pipeline", parameters)
        if moment is None:
            wait_for("a checkpoint", lambda: steps_saved(site.home), seconds=PATIENCE_SECONDS, every=0.05)
        else:
            run.wait_until("Running", seconds=PATIENCE_SECONDS)
            time.sleep(moment)
        require(not run.state().is_final(), f"the pipeline was {run.state().name} before the server was stopped")
        gone = time.monotonic()
        site.server.stop(number)
        time.sleep(seconds)
        site.server.start()
        site.wait_until_up()
        away = time.monotonic() - gone
        after = run.wait_until("Completed", seconds=PATIENCE_SECONDS)
        runs = [run, *run.children()]
        for child in runs[1:]:  # The pipeline may complete before a training that was marked as crashed does.
            child.wait_until("Completed", seconds=PATIENCE_SECONDS)
        histories = [each.names() for each in runs]
        crashes = sum(names.count("Crashed") for names in histories)
        for each, names in zip(runs, histories, strict=True):
            require(names[-1] == "Completed", f"{each.read().name} went through {names}")
            require(may_crash or "Crashed" not in names, f"{each.read().name} went through {names}")
            # The tasks of a process that has died stay Running for ever. The process that follows has its own tasks.
            tasks = each.tasks() if "Crashed" in names else settled_tasks(each)
            states = {task.name: task.state.name for task in tasks if task.state}
            require(may_crash or set(states.values()) <= {"Completed", "Cached"}, f"tasks of {names}: {states}")
        trained = [
            task for each in runs for task in each.tasks("train") if task.state and task.state.name == "Completed"
        ]
        require(len(trained) == 1, f"{len(trained)} trainings were done, expected 1")
        require(the_digest(site.home) == digest, "the weights differ from those of an undisturbed training")
        return Outcome(away=away, completed=after, crashes=crashes)
