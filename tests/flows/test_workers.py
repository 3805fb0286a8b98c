"""Runs on real workers: one whose process is killed, several that want the one GPU."""

from pathlib import Path

from benchmarks.faults.killed_trainings import on_a_worker
from benchmarks.faults.side_by_side import ten_trainings


def test_a_training_whose_process_is_killed_goes_on_by_itself_to_the_same_weights(tmp_path: Path):
    on_a_worker(tmp_path, kills=1)


def test_no_two_trainings_run_at_once_and_none_is_lost(tmp_path: Path):
    ten_trainings(tmp_path, trainings=3)
