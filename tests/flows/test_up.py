"""`flipbook up` from its start to its end, with real servers and workers. One start serves all these tests.

The folder in which it is started holds files with the names of our modules, and its environment names a proxy that does
not exist. The tests follow one another.
"""

import contextlib
import re
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from shell import PATIENCE_SECONDS, ROOT, alive, eventually, flipbook, free_ports, is_free, processes
from tiny import tiny_config

from data.home import Home
from flows.servers import health
from flows.servers.supervisor import Supervisor

SAFE_FLIPBOOK = (sys.executable, "-P", "-m", "flows.cli.main")  # as the installed command
CONFIG = tiny_config(train={"steps": 300, "checkpoint_seconds": 0.2}).model_dump(mode="json")
PARAMETERS = {name: CONFIG[name] for name in ("world", "data", "model", "train")}
SURROUNDINGS = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "PYTHONPATH": str(ROOT)}

ask = partial(health.ask, seconds=PATIENCE_SECONDS)


@dataclass
class Up:
    """A home for which everything is up."""

    home: Path
    prefect: str
    mlflow: str
    output: str = ""

    def start(self, **how: Any):
        """Start everything."""
        ports = (self.prefect.rpartition(":")[2], "--mlflow-port", self.mlflow.rpartition(":")[2])
        options = ("--prefect-port", *ports, "--detach", "--home", self.home)
        return flipbook("up", *options, **how, **SURROUNDINGS, OMP_NUM_THREADS="1")

    def flipbook(self, *arguments: object):
        return flipbook(*arguments, "--home", self.home, **SURROUNDINGS)

    def states(self) -> dict[str, tuple[str, int | None]]:
        """State and process of each program."""
        return {state.name: (state.state, state.pid) for state in Supervisor(Home.at(self.home)).states()}

    def workers(self, pool: str) -> list[dict[str, str]]:
        """The workers of a pool, as Prefect's server knows them."""
        return ask(f"{self.prefect}/api/work_pools/{pool}/workers/filter", {})


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    for name in ("flows.py", "random.py", "data/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("raise ImportError('this file belongs to the user')")
    up = Up(folder / "home", *(f"http://127.0.0.1:{port}" for port in free_ports(2)))
    try:
        done = up.start(program=SAFE_FLIPBOOK, cwd=folder)
        assert done.returncode == 0, done.stderr
        up.output = done.stdout
        yield up
    finally:
        up.flipbook("down")


def works(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_it_prints_where_the_servers_are_and_all_of_it_runs(up: Up) -> None:
    assert up.prefect in up.output
    assert up.mlflow in up.output
    status = up.flipbook("status")
    assert status.returncode == 0
    shown = dict(re.findall(r"│ (\S+) +│ ([A-Z]+) +│ +\d+", status.stdout))
    assert shown == dict.fromkeys(["prefect", "mlflow", "worker-cpu", "worker-gpu"], "RUNNING")
    for pool in ("cpu", "gpu"):
        assert [worker["status"] for worker in up.workers(pool)] == ["ONLINE"]


def test_a_second_one_says_that_it_is_up_already(up: Up) -> None:
    second = up.flipbook("up")
    assert second.returncode == 0
    assert "Already up" in second.stdout
    assert up.prefect in second.stdout
    assert up.mlflow in second.stdout


def test_the_pages_call_the_address_from_which_they_were_loaded(up: Up) -> None:
    assert ask(f"{up.prefect}/ui-settings")["api_url"] == "/api"


def test_pages_of_other_sites_get_nothing(up: Up) -> None:
    theirs = {"Origin": "http://elsewhere.example"}
    request = urllib.request.Request(f"{up.prefect}/api/admin/version", headers=theirs)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert "access-control-allow-origin" not in answer.headers
    search = urllib.request.Request(
        f"{up.mlflow}/ajax-api/2.0/mlflow/experiments/search",
        data=b'{"max_results": 1}',
        headers=theirs | {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(search, timeout=PATIENCE_SECONDS)


def test_mlflow_keeps_artifacts_in_the_home_under_addresses_that_do_not_name_it(up: Up) -> None:
    url = f"{up.mlflow}/api/2.0/mlflow/experiments"
    made = ask(f"{url}/create", {"name": "somebody else's"})["experiment_id"]
    assert ask(f"{url}/get?experiment_id={made}")["experiment"]["artifact_location"].startswith("mlflow-artifacts:/")
    address = f"{up.mlflow}/api/2.0/mlflow-artifacts/artifacts/new/note.txt"
    urllib.request.urlopen(
        urllib.request.Request(address, data=b"sent", method="PUT"), timeout=PATIENCE_SECONDS
    ).close()
    assert (up.home / "mlartifacts" / "new" / "note.txt").read_text() == "sent"


def test_commands_on_the_home_use_its_servers(up: Up) -> None:
    models = up.flipbook("models", "--debug")
    assert models.returncode == 0, models.stderr
    assert "No model is registered yet" in models.stdout
    log = (up.home / "logs" / "mlflow-server.log").read_text()
    assert re.search(r"GET /api/2.0/mlflow/model-versions/search\S* HTTP/1.1\" 200", log)


@pytest.fixture(scope="module")
def flow_run(up: Up) -> str:
    """A run that the cpu worker executes, and that does not end by itself."""
    done = flipbook(
        program=(sys.executable, str(ROOT / "tests" / "flows" / "endless.py")),
        PYTHONPATH=str(ROOT),
        PREFECT_API_URL=f"{up.prefect}/api",
        PREFECT_HOME=str(up.home.parent / "client"),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def state_of(up: Up, flow_run: str) -> str:
    """The state that Prefect's database holds, whether its server runs or not."""
    with contextlib.closing(sqlite3.connect(up.home / "prefect" / "prefect.db")) as database:
        (state,) = database.execute("select state_type from flow_run where id = ?", [flow_run]).fetchone()
    return state


def test_a_worker_executes_what_is_asked_for(up: Up, flow_run: str) -> None:
    eventually(lambda: state_of(up, flow_run) == "RUNNING")


def test_what_is_killed_is_started_again(up: Up) -> None:
    before = {name: pid for name, (_, pid) in up.states().items() if name != "worker-cpu"}
    left = [child for pid in before.values() for child in psutil.Process(pid).children(recursive=True)]
    killed = datetime.now(UTC)
    for pid in before.values():
        psutil.Process(pid).kill()
    for name, pid in before.items():
        eventually(lambda name=name, pid=pid: (now := up.states()[name])[0] == "RUNNING" and now[1] != pid)
    eventually(lambda: not any(alive(process) for process in left))  # the new ones need their ports
    eventually(lambda: works(f"{up.prefect}/api/admin/version") and works(f"{up.mlflow}/version"))
    eventually(lambda: any(datetime.fromisoformat(item["last_heartbeat_time"]) > killed for item in up.workers("gpu")))


@pytest.fixture(scope="module")
def training(up: Up) -> str:
    """A run of `train` that has saved a checkpoint and goes on."""
    deployment = ask(f"{up.prefect}/api/deployments/name/train/train")["id"]
    run = ask(f"{up.prefect}/api/deployments/{deployment}/create_flow_run", {"parameters": PARAMETERS})["id"]
    eventually(lambda: list(up.home.glob("checkpoints/*/step-*")))
    assert state_of(up, run) == "RUNNING"
    return run


def test_down_leaves_nothing_and_no_run_that_counts_as_running(up: Up, flow_run: str, training: str) -> None:
    running = processes(up.home)
    assert len(running) >= 6  # MLflow's server is a child of the command that starts it, and the flow run of its worker
    assert state_of(up, flow_run) == "RUNNING"
    down = up.flipbook("down")
    assert (down.returncode, down.stdout) == (0, "Stopped.\n")
    assert not any(alive(process) for process in running)
    assert processes(up.home) == []
    assert state_of(up, flow_run) == "CRASHED"
    assert state_of(up, training) == "SCHEDULED"  # as a run that is tried again
    assert not list(up.home.glob("checkpoints/*/final"))
    assert is_free(int(up.prefect.rpartition(":")[2]))
    assert is_free(int(up.mlflow.rpartition(":")[2]))
    status, down = up.flipbook("status"), up.flipbook("down")
    assert (status.returncode, down.returncode) == (0, 0)
    assert status.stdout == down.stdout == f"Nothing is up for {up.home}.\n"


def test_a_training_that_down_has_ended_goes_on_from_its_checkpoint_at_the_next_up(up: Up, training: str) -> None:
    again = up.start()
    assert again.returncode == 0, again.stderr

    def history() -> list[dict[str, str]]:
        states = ask(f"{up.prefect}/api/flow_run_states/?flow_run_id={training}")
        return sorted(states, key=lambda state: state["timestamp"])

    def story() -> str:
        states = [f"{state['timestamp']} {state['name']}: {state['message']}" for state in history()]
        logs = [log.read_text(errors="replace")[-8000:] for log in sorted((up.home / "logs").glob("worker-*.log"))]
        return "\n".join(["its states:", *states, *logs])

    eventually(lambda: state_of(up, training) in ("COMPLETED", "FAILED"), seconds=600, otherwise=story)
    assert state_of(up, training) == "COMPLETED", story()
    names = [state["name"] for state in history()]
    assert names.count("AwaitingRetry") == 1
    assert names.count("Completed") == 1
    assert names.count("Running") == 2
    assert "Crashed" not in names[names.index("AwaitingRetry") :]
    assert list(up.home.glob("checkpoints/*/final"))


def test_where_supervisord_is_killed_nothing_is_started_beside_what_it_left(up: Up) -> None:
    psutil.Process(int((up.home / "up" / "supervisord.pid").read_text())).kill()
    supervisor = Supervisor(Home.at(up.home))
    eventually(lambda: not supervisor.is_running())
    status = up.flipbook("status")
    assert status.returncode == 1
    assert "supervisord was killed" in status.stdout
    again = up.flipbook("up")
    assert again.returncode == 1
    for process in processes(up.home):
        assert f"(pid {process.pid})" in again.stderr
    assert f"`flipbook down --home {up.home}` stops them" in again.stderr
    assert up.flipbook("down").returncode == 0
    assert processes(up.home) == []
