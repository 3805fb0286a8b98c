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
    output = _test(
        "tests/flows/test_mlflow_outage.py",
        "test_a_training_does_not_notice_that_its_server_is_gone_for_a_while",
        FLIPBOOK_TEST_OUTAGE_SECONDS=str(OUTAGE_SECONDS),
    )
    (seen,) = [line for line in output.splitlines() if line.startswith("server away for")]
    return (
        f"{seen}; afterwards each metric step, sample grid and artifact, the run and the version were there exactly "
        "once, as without the fault"
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


def _test(file: str, name: str, **variables: str) -> str:
    """Run a test. Returns the output of pytest, and raises NotHeldError if the test fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"{file}::{name}", "-q", "--no-header"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, f"{name} failed:\n{done.stdout[-6000:]}")
    return done.stdout
