"""Faults that the test suite provokes too. Here they last longer, or are provoked more often."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.faults.findings import require
from benchmarks.faults.programs import ROOT

OUTAGE_SECONDS = 60
EXAMPLES = 100


def mlflow_outage(_folder: Path) -> str:
    """The MLflow server is killed during a training, and comes back after a minute."""
    _test(
        "tests/flows/test_mlflow_outage.py",
        "test_a_pipeline_outlives_a_restart_of_its_server",
        FLIPBOOK_TEST_OUTAGE_SECONDS=str(OUTAGE_SECONDS),
    )
    return (
        f"server away for {OUTAGE_SECONDS} s: the training went on to its end meanwhile, and the pipeline completed; "
        "afterwards each metric step, sample grid and artifact, the run and the version were there exactly once"
    )


def damaged_home(_folder: Path) -> str:
    """Files of a home are truncated, changed by one bit, deleted, or replaced by other files."""
    _test(
        "tests/flows/test_damaged_home.py",
        "test_whatever_is_damaged_is_made_again_to_the_same_result",
        FLIPBOOK_TEST_EXAMPLES=str(EXAMPLES),
    )
    return (
        f"{EXAMPLES} damaged homes, in each of them one to six files were truncated, changed by one bit, deleted or "
        "replaced by another: every run completed with the same report, weights and version, and every file was whole "
        "again"
    )


def _test(file: str, name: str, **variables: str) -> None:
    """Run a test. Raises NotHeldError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"{file}::{name}", "-q", "--no-header"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, f"{name} failed:\n{done.stdout[-6000:]}")
