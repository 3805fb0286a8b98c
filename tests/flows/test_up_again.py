"""`flipbook down` in the middle of a training, and `flipbook up` again: the run goes on by itself, once."""

import sys
from pathlib import Path

import pytest
from shell import ROOT, eventually, flipbook, free_ports, processes

from flows.services.prefect_api import ask

UP = (sys.executable, str(ROOT / "tests" / "flows" / "up_without_deployments.py"))
TRAINING = (sys.executable, str(ROOT / "tests" / "flows" / "training.py"))
STEPS = 300
PATH = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def steps_done(home: Path) -> int:
    return max((int(path.name.split("-")[1]) for path in home.glob("checkpoints/*/step-*")), default=0)


@pytest.fixture
def home(tmp_path: Path):
    yield tmp_path / "home"
    flipbook("down", "--home", tmp_path / "home")


def test_a_training_that_down_has_ended_goes_on_from_its_checkpoint_at_the_next_up(home: Path) -> None:
    prefect, mlflow = free_ports(2)
    options = ("--prefect-port", prefect, "--mlflow-port", mlflow, "--detach", "--home", home)
    api = f"http://127.0.0.1:{prefect}/api"
    up = flipbook("up", *options, program=UP, **PATH)
    assert up.returncode == 0, up.stderr
    client = {"PREFECT_API_URL": api, "PREFECT_HOME": str(home.parent / "client")}
    started = flipbook(STEPS, program=TRAINING, **(PATH | client))
    assert started.returncode == 0, started.stderr
    run = f"{api}/flow_runs/{started.stdout.split()[-1]}"
    eventually(lambda: steps_done(home))
    assert ask(run, {})["state"]["name"] == "Running"

    down = flipbook("down", "--home", home)
    assert (down.returncode, down.stdout) == (0, "Stopped.\n")
    assert processes(home) == []
    assert not list(home.glob("checkpoints/*/final"))

    again = flipbook("up", *options, program=UP, **PATH)
    assert again.returncode == 0, again.stderr
    eventually(lambda: ask(run, {})["state"]["name"] == "Completed", seconds=120)
    states = ask(f"{api}/flow_run_states/?flow_run_id={run.rpartition('/')[2]}", {})
    names = [state["name"] for state in sorted(states, key=lambda state: state["timestamp"])]
    assert names.count("AwaitingRetry") == 1
    assert names.count("Completed") == 1
    assert names.count("Running") == 2
    assert "Crashed" not in names[names.index("AwaitingRetry") :]
    assert list(home.glob("checkpoints/*/final"))
