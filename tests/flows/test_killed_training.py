"""A training whose process dies on a worker. `python -m benchmarks.faults` provokes this more often."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.killed_trainings import on_a_worker


def test_a_training_that_is_killed_on_a_worker_is_taken_up_by_itself_and_ends_with_the_same_weights(
    tmp_path: Path,
) -> None:
    assert on_a_worker(tmp_path, kills=1).startswith("kills: 1, runs: 1.")  # raises an error if anything does not hold
