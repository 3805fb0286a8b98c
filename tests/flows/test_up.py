"""`flipbook up` from its start to its end, with real servers and workers: one of it for all these tests.

It listens on all addresses of the machine, with a password. The tests follow one another.
"""

import base64
import contextlib
import json
import re
import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from shell import ROOT, alive, eventually, flipbook, free_ports, is_free, processes

from data.home import Home
from tracking.store import ensure_experiment, open_store

PASSWORD = "100% correct: #horse 'battery"
SECRET = {"FLIPBOOK_PASSWORD": PASSWORD}


@dataclass(frozen=True)
class Up:
    """A home for which everything is up, and the run that MLflow knew before."""

    home: Path
    prefect: str
    mlflow: str
    output: str
    run_id: str

    def flipbook(self, *arguments: object, **variables: str):
        return flipbook(*arguments, "--home", self.home, **(SECRET | variables))

    def states(self) -> dict[str, tuple[str, int]]:
        """State and process of each program, as `flipbook status` shows them."""
        shown = self.flipbook("status").stdout
        return {name: (state, int(pid)) for name, state, pid in re.findall(r"│ (\S+) +│ ([A-Z]+) +│ +(\d+)", shown)}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home = tmp_path_factory.mktemp("up") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        run_id = run_of_a_home_without_servers(Home.at(home).create())
    prefect, mlflow = free_ports(2)
    options = ("--host", "0.0.0.0", "--prefect-port", prefect, "--mlflow-port", mlflow, "--detach", "--home", home)
    try:
        done = flipbook("up", *options, **SECRET)
        assert done.returncode == 0, done.stderr
        yield Up(home, f"http://127.0.0.1:{prefect}", f"http://127.0.0.1:{mlflow}", done.stdout, run_id)
    finally:
        flipbook("down", "--home", home)


def run_of_a_home_without_servers(home: Home) -> str:
    client = open_store(home)
    run_id = client.create_run(ensure_experiment(client, home).experiment_id).info.run_id
    client.log_text(run_id, "from before", "note.txt")
    return run_id


def asked(
    url: str, content: object = None, password: str | None = PASSWORD, *, method: str | None = None, headers=None
) -> tuple[int, bytes]:
    """The status and body of a server's answer."""
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    request.add_header("Content-Type", "application/json")
    if password:
        request.add_header("Authorization", f"Basic {base64.b64encode(f'flipbook:{password}'.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def headers_of(url: str, headers: dict[str, str]):
    """The headers of a server's answer."""
    request = urllib.request.Request(url, headers=headers)
    request.add_header("Authorization", f"Basic {base64.b64encode(f'flipbook:{PASSWORD}'.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers


def works(url: str) -> bool:
    try:
        return asked(url)[0] == 200
    except OSError:
        return False


def test_it_prints_where_the_servers_are_and_all_of_it_runs(up: Up) -> None:
    assert up.prefect in up.output
    assert up.mlflow in up.output
    states = up.states()
    assert list(states) == ["prefect", "mlflow", "worker-cpu", "worker-gpu"]
    assert {state for state, _ in states.values()} == {"RUNNING"}
    assert up.flipbook("status").returncode == 0
    for pool in ("cpu", "gpu"):
        _, body = asked(f"{up.prefect}/api/work_pools/{pool}/workers/filter", {})
        assert [worker["status"] for worker in json.loads(body)] == ["ONLINE"]


def test_runs_link_to_where_other_machines_find_mlflow(up: Up) -> None:
    _, pid = up.states()["worker-cpu"]
    pages = psutil.Process(pid).environ()["FLIPBOOK_MLFLOW_PAGES"]
    assert pages == f"http://{socket.gethostname()}:{up.mlflow.rpartition(':')[2]}"
    assert asked(f"{pages}/version")[0] == 200


def test_a_second_one_says_that_it_is_up_already(up: Up) -> None:
    second = up.flipbook("up")
    assert second.returncode == 0
    assert "Already up" in second.stdout
    assert up.prefect in second.stdout
    assert up.mlflow in second.stdout


@pytest.mark.parametrize("password", [None, "another password"])
def test_without_the_password_both_servers_refuse(up: Up, password: str | None) -> None:
    for url, content in (
        (f"{up.prefect}/api/flows/filter", {}),
        (f"{up.prefect}/api/admin/version", None),
        (f"{up.mlflow}/api/2.0/mlflow/experiments/search", {"max_results": 1}),
        (f"{up.mlflow}/get-artifact?path=note.txt&run_uuid={up.run_id}", None),
        (f"{up.mlflow}/api/2.0/mlflow-artifacts/artifacts", None),
    ):
        assert asked(url, content, password)[0] == 401
        assert asked(url, content)[0] == 200


def test_registering_without_the_password_is_a_sentence(up: Up) -> None:
    done = flipbook(program=(sys.executable, "-m", "flows.setup"), PREFECT_API_URL=f"{up.prefect}/api")
    assert done.returncode == 1
    assert done.stderr.endswith("asks for a password: set PREFECT_API_AUTH_STRING to user:password.\n")
    assert "Traceback" not in done.stderr


def test_pages_of_other_sites_get_nothing(up: Up) -> None:
    theirs = {"Origin": "http://elsewhere.example"}
    own = {"Origin": up.prefect}
    version = f"{up.prefect}/api/admin/version"
    assert "access-control-allow-origin" not in headers_of(version, theirs)
    assert headers_of(version, own)["access-control-allow-origin"] == up.prefect
    search = f"{up.mlflow}/ajax-api/2.0/mlflow/experiments/search"
    assert asked(search, {"max_results": 1}, headers=theirs)[0] == 403
    assert asked(search, {"max_results": 1}, headers={"Origin": up.mlflow})[0] == 200
    assert asked(f"{up.mlflow}/", headers={"Host": "elsewhere.example"})[0] == 403


def test_the_password_stands_in_no_file_and_on_no_command_line(up: Up) -> None:
    files = [path for path in up.home.rglob("*") if path.is_file()]
    assert {"supervisord.conf", "prefect-server.log", "worker-cpu.log", "prefect.db"} <= {path.name for path in files}
    for path in files:
        assert PASSWORD.encode() not in path.read_bytes(), path
    secrets = (PASSWORD, base64.b64encode(f"flipbook:{PASSWORD}".encode()).decode())
    for process in psutil.process_iter(["cmdline"], ad_value=[]):
        line = " ".join(process.info["cmdline"])
        assert not any(secret in line for secret in secrets)


def test_mlflow_serves_what_was_recorded_without_it_and_keeps_artifacts_in_the_home(up: Up) -> None:
    assert asked(f"{up.mlflow}/get-artifact?path=note.txt&run_uuid={up.run_id}") == (200, b"from before")
    _, body = asked(f"{up.mlflow}/api/2.0/mlflow/experiments/create", {"name": "of somebody else"})
    _, body = asked(f"{up.mlflow}/api/2.0/mlflow/experiments/get?experiment_id={json.loads(body)['experiment_id']}")
    assert json.loads(body)["experiment"]["artifact_location"].startswith("mlflow-artifacts:/")
    asked(f"{up.mlflow}/api/2.0/mlflow-artifacts/artifacts/new/note.txt", "sent", method="PUT")
    assert (up.home / "mlartifacts" / "new" / "note.txt").read_text() == '"sent"'


def test_commands_on_the_home_use_its_servers(up: Up) -> None:
    models = up.flipbook("models", "--debug")
    assert models.returncode == 0, models.stderr
    assert "No model is registered yet" in models.stdout
    log = (up.home / "logs" / "mlflow-server.log").read_text()
    assert re.search(r"GET /api/2.0/mlflow/model-versions/search\S* HTTP/1.1\" 200", log)
    refused = flipbook("models", "--home", up.home)
    assert refused.returncode == 1
    assert "want a password: set FLIPBOOK_PASSWORD" in refused.stderr


@pytest.fixture(scope="module")
def flow_run(up: Up) -> str:
    """A run that the cpu worker executes, and that does not end by itself."""
    settings = {"PREFECT_API_URL": f"{up.prefect}/api", "PREFECT_API_AUTH_STRING": f"flipbook:{PASSWORD}"}
    home = {"PREFECT_HOME": str(up.home.parent / "client")}
    done = flipbook(
        program=(sys.executable, str(ROOT / "tests" / "flows" / "endless.py")), PYTHONPATH=str(ROOT), **settings, **home
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


@pytest.mark.parametrize("name", ["mlflow", "prefect", "worker-gpu"])
def test_what_is_killed_is_started_again(up: Up, name: str) -> None:
    _, pid = up.states()[name]
    left = psutil.Process(pid).children(recursive=True)
    killed = datetime.now(UTC)
    psutil.Process(pid).kill()
    eventually(lambda: name in (states := up.states()) and states[name][1] != pid, seconds=30)
    eventually(lambda: not any(alive(process) for process in left), seconds=60)  # the new one needs its port
    eventually(lambda: up.states()[name][0] == "RUNNING", seconds=60)
    eventually(lambda: works(f"{up.prefect}/api/admin/version") and works(f"{up.mlflow}/version"))
    if name == "worker-gpu":  # it runs from its first second on, and works from its first sign of life
        eventually(lambda: last_sign_of_life(up, "gpu") > killed, seconds=60)


def last_sign_of_life(up: Up, pool: str) -> datetime:
    _, body = asked(f"{up.prefect}/api/work_pools/{pool}/workers/filter", {})
    return max(datetime.fromisoformat(worker["last_heartbeat_time"]) for worker in json.loads(body))


def test_where_supervisord_is_killed_nothing_is_started_beside_what_it_left(up: Up) -> None:
    psutil.Process(int((up.home / "up" / "supervisord.pid").read_text())).kill()
    status = up.flipbook("status")
    assert status.returncode == 1
    assert "supervisord was killed" in status.stdout
    again = up.flipbook("up")
    assert again.returncode == 1
    for process in processes(up.home):
        assert f"(pid {process.pid})" in again.stderr
    assert f"`flipbook down --home {up.home}` stops them" in again.stderr


def test_down_leaves_nothing_and_no_run_that_counts_as_running(up: Up, flow_run: str) -> None:
    running = processes(up.home)  # what writes to its log without supervisord ends: they are at rest
    assert len(running) >= 6  # MLflow's server is a child of the command that starts it, and the flow run of its worker
    assert state_of(up, flow_run) == "RUNNING"
    down = up.flipbook("down")
    assert (down.returncode, down.stdout) == (0, "Stopped.\n")
    assert not any(alive(process) for process in running)
    assert processes(up.home) == []
    assert state_of(up, flow_run) == "CRASHED"
    assert is_free(int(up.prefect.rpartition(":")[2]))
    assert is_free(int(up.mlflow.rpartition(":")[2]))
    status, down = up.flipbook("status"), up.flipbook("down")
    assert (status.returncode, down.returncode) == (0, 0)
    assert status.stdout == down.stdout == f"Nothing is up for {up.home}.\n"
