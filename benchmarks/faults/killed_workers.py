"""`kill -9` of a worker, with its children (as if the machine died) and alone."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.faults.findings import require
from benchmarks.faults.programs import wait_for
from benchmarks.faults.runs import Run
from benchmarks.faults.site import Site
from benchmarks.faults.trainings import config, steps_saved, the_digest, training_parameters, undisturbed

RESCHEDULED_WITHIN_SECONDS = 180.0
PATIENCE_SECONDS = 400.0


def with_its_children(folder: Path) -> str:
    """Kill the worker and its children. No process is left that could report the end of the run."""
    settings = config()
    digest, _ = undisturbed(settings, folder / "undisturbed")
    with Site(folder, workers={"gpu": 1}) as site:
        (worker,) = site.workers.values()
        run = Run.of(site, "train/train", training_parameters(settings))
        wait_for("a checkpoint", lambda: steps_saved(site.home), seconds=PATIENCE_SECONDS, every=0.05)
        killed = time.time()
        worker.kill()
        reached = max(steps_saved(site.home))
        run.wait_until("Completed", seconds=PATIENCE_SECONDS)
        names, after = run.names(), {str(s.name): s.timestamp.timestamp() - killed for s in run.history()}
        require({"Crashed", "AwaitingRetry"} <= set(names), f"the run was never put back into the queue: {names}")
        require(
            after["AwaitingRetry"] < RESCHEDULED_WITHIN_SECONDS,
            f"back in the queue after {after['AwaitingRetry']:.0f} s",
        )
        require(the_digest(site.home) == digest, "the weights differ from those of an undisturbed training")
        when = {name: f"{after[name]:.0f} s" for name in ("Crashed", "AwaitingRetry", "Running", "Completed")}
        return (
            f"Crashed {when['Crashed']} after the kill, back in the queue after {when['AwaitingRetry']}, on the "
            f"restarted worker after {when['Running']}, Completed after {when['Completed']}; went on from step "
            f"{reached} of {settings.train.steps}; weights bit-identical"
        )


def alone(folder: Path) -> str:
    """Kill the worker, but not its children. The process of the run survives."""
    settings = config()
    digest, _ = undisturbed(settings, folder / "undisturbed")
    with Site(folder, workers={"gpu": 1}) as site:
        (worker,) = site.workers.values()
        run = Run.of(site, "train/train", training_parameters(settings))
        wait_for("a checkpoint", lambda: steps_saved(site.home), seconds=PATIENCE_SECONDS, every=0.05)
        killed = time.time()
        worker.kill(with_children=False)
        run.wait_until("Completed", seconds=PATIENCE_SECONDS)
        names, after = run.names(), {str(s.name): s.timestamp.timestamp() - killed for s in run.history()}
        require(the_digest(site.home) == digest, "the weights differ from those of an undisturbed training")
        if "Crashed" in names:
            require(
                after["AwaitingRetry"] < RESCHEDULED_WITHIN_SECONDS,
                f"back in the queue after {after['AwaitingRetry']:.0f} s",
            )
            how = f"back in the queue after {after['AwaitingRetry']:.0f} s"
        else:
            how = "the process of the run went on without the worker"
        follower = Run.of(site, "train/train", training_parameters(config(seed=1, steps=20), registered=False))
        waited = follower.wait_until("Completed", seconds=PATIENCE_SECONDS)
        return (
            f"{how}, Completed after {after['Completed']:.0f} s; weights bit-identical; the restarted worker took the "
            f"next run (Completed in {waited:.0f} s)"
        )
