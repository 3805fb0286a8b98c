"""`flipbook down` in the middle of a training, and `flipbook up` again: the run goes on by itself, once."""

from pathlib import Path

import pytest
from shell import eventually, flipbook, free_ports, processes
from tiny import tiny_config

from flows.servers.health import ask

CONFIG = tiny_config(train={"steps": 300, "checkpoint_seconds": 0.2}).model_dump(mode="json")
PARAMETERS = {name: CONFIG[name] for name in ("world", "data", "model", "train")}
ONE_CORE = {"OMP_NUM_THREADS": "1"}


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
    up = flipbook("up", *options, **ONE_CORE)
    assert up.returncode == 0, up.stderr
    deployment = ask(f"{api}/deployments/name/train/train")["id"]
    started = ask(f"{api}/deployments/{deployment}/create_flow_run", {"parameters": PARAMETERS})["id"]
    run = f"{api}/flow_runs/{started}"
    eventually(lambda: steps_done(home))
    assert ask(run)["state"]["name"] == "Running"

    down = flipbook("down", "--home", home)
    assert (down.returncode, down.stdout) == (0, "Stopped.\n")
    assert processes(home) == []
    assert not list(home.glob("checkpoints/*/final"))

    again = flipbook("up", *options, **ONE_CORE)
    assert again.returncode == 0, again.stderr
    eventually(lambda: ask(run)["state"]["name"] == "Completed")
    states = ask(f"{api}/flow_run_states/?flow_run_id={started}")
    names = [state["name"] for state in sorted(states, key=lambda state: state["timestamp"])]
    assert names.count("AwaitingRetry") == 1
    assert names.count("Completed") == 1
    assert names.count("Running") == 2
    assert "Crashed" not in names[names.index("AwaitingRetry") :]
    assert list(home.glob("checkpoints/*/final"))
