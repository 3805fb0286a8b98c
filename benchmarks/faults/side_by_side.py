"""Runs that are started at the same time: two identical pipelines, and ten trainings on the pool gpu."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from benchmarks.faults.findings import require
from benchmarks.faults.runs import Run, run_interval, settled_tasks
from benchmarks.faults.site import Site, as_parameters
from benchmarks.faults.trainings import config, final_digests, training_parameters
from tracking.versions import list_versions

PATIENCE_SECONDS = 600.0
TRAININGS = 10
WORKERS, RUNS_EACH = 2, 2


def two_pipelines(folder: Path) -> str:
    """Start the same pipeline twice, by its deployment. Both runs hand their training to the pool gpu."""
    settings = config(steps=100)
    with Site(folder, workers={"cpu": 1, "gpu": 1}, limit=2) as site:
        parameters = {"config": as_parameters(settings), "train_on": "train/train"}
        pipelines = [Run.of(site, "pipeline/pipeline", parameters) for _ in range(2)]
        took = [run.wait_until("Completed", seconds=PATIENCE_SECONDS) for run in pipelines]
        runs = [*pipelines, *(child for run in pipelines for child in run.children())]
        done = Counter(
            task.name.rsplit("-", 1)[0] if not task.name.startswith("shard") else task.name
            for run in runs
            for task in settled_tasks(run)
            if task.state and task.state.name == "Completed"
        )
        once = [f"shard {shard}" for shard in range(settings.data.shards)] + ["write-manifest", "train", "evaluate"]
        counts = {name: done[name] for name in once}
        require(set(counts.values()) == {1}, f"how often each piece of work was done: {counts}")
        for run in runs:
            require("Crashed" not in run.names(), f"a run went through {run.names()}")
        versions = list_versions(site.home)
        require(len(versions) == 1, f"{len(versions)} versions were registered, expected 1")
    return (
        f"each of {len(once)} pieces of work was done once, one version was registered, both runs Completed "
        f"({len(runs) - 2} runs of train/train, at most {max(took):.0f} s)"
    )


def ten_trainings(folder: Path, trainings: int = TRAININGS) -> str:
    """Queue ten trainings. The workers could execute four runs at once, but the pool allows one at a time."""
    with Site(folder, workers={"gpu": WORKERS}, limit=RUNS_EACH) as site:
        runs = [
            Run.of(site, "train/train", training_parameters(config(seed=seed, steps=60), registered=False))
            for seed in range(trainings)
        ]
        for run in runs:
            run.wait_until("Completed", seconds=PATIENCE_SECONDS)
        intervals = sorted(run_interval(run.read()) for run in runs)
        gaps = [(second[0] - first[1]).total_seconds() for first, second in pairwise(intervals)]
        require(min(gaps) >= 0, f"two trainings ran at the same time for {-min(gaps):.1f} s")
        require(len(set(final_digests(site.home))) == trainings, "some runs did not leave weights of their own")
    return (
        f"{trainings} of {trainings} Completed one after the other on {WORKERS} workers with {RUNS_EACH} runs each: "
        f"from {min(gaps):.1f} to {max(gaps):.1f} s between the end of one training and the start of the next"
    )
