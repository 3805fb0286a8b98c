"""Runs as processes of their own: two at once, one that is killed, one that is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tiny import tiny_config

from benchmarks.faults.trainings import final_digests, steps_saved, undisturbed

ROOT = Path(__file__).parents[2]
LONG = {"train": {"steps": 150, "checkpoint_seconds": 0.2, "log_every": 50, "sample_every": 100}}
PATIENCE_SECONDS = 900


def start(home, prefect_api, changes=None):
    """The tiny pipeline in a process, on the tests' Prefect server."""
    return subprocess.Popen(
        [sys.executable, "tests/flows/tiny.py", json.dumps(changes or {})],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PREFECT_API_URL": prefect_api,
            "FLIPBOOK_HOME": str(home.root),
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=obey_ctrl_c,
    )


def obey_ctrl_c():
    """A shell's background jobs, and what they start, ignore SIGINT; a run in a terminal does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished(process):
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def wait_for_a_checkpoint(home, process, after=0):
    """Wait for a checkpoint of more than `after` steps. Returns its steps."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while max(steps_saved(home), default=0) <= after:
        assert process.poll() is None, process.stderr.read()[-3000:]
        assert time.monotonic() < deadline, "no checkpoint appeared"
        time.sleep(0.02)
    return max(steps_saved(home))


def test_two_runs_at_once_do_each_piece_of_work_once(prefect_api, home):
    results = [finished(process) for process in [start(home, prefect_api), start(home, prefect_api)]]
    assert {result["version"] for result in results} == {"models:/flipbook/1"}
    for step in ("train", "evaluate"):
        assert sorted(result["cached"][step] for result in results) == [False, True]


def test_a_training_that_is_interrupted_and_then_killed_goes_on_to_the_same_weights(prefect_api, home, tmp_path):
    expected, _ = undisturbed(tiny_config(**LONG), tmp_path / "undisturbed")

    interrupted = start(home, prefect_api, LONG)
    first = wait_for_a_checkpoint(home, interrupted)
    began = time.monotonic()
    interrupted.send_signal(signal.SIGINT)
    interrupted.communicate(timeout=PATIENCE_SECONDS)
    assert time.monotonic() - began < 15
    assert interrupted.returncode != 0
    assert not list(home.checkpoints.glob("*/final"))

    killed = start(home, prefect_api, LONG)
    wait_for_a_checkpoint(home, killed, after=first)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not list(home.checkpoints.glob("*/final"))

    assert finished(start(home, prefect_api, LONG))["cached"] == {"dataset": True, "train": False, "evaluate": False}
    assert final_digests(home) == [expected]
