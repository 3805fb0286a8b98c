"""The services of deploy/compose.yaml at work: Prefect and MLflow on a real PostgreSQL, artifacts on real S3, a worker.

One start serves all these tests.
"""

import asyncio
import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from uuid import UUID

import psycopg
import pytest
from deployment import ROOT, plain_environment
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from processes import free_port, serving

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from models.checkpoint import checkpoint_digest
from tracking.model_reference import resolve_model
from tracking.versions import list_versions

PATIENCE_SECONDS = 300
LIMIT = "one-gpu"


def start(environment, home, changes=None):
    """Start the tiny pipeline as a process with a worker's environment."""
    return subprocess.Popen(
        [sys.executable, "tests/flows/tiny.py", json.dumps(changes or {})],
        cwd=ROOT, env=plain_environment() | environment | {"FLIPBOOK_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(process):
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def status(url, *, credentials=None, host=None):
    """The HTTP status of the server's answer."""
    headers = {"Host": host} if host else {}
    if credentials:
        headers["Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home.at(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def first(worker_environment, home):
    """What the first run of the tiny pipeline printed."""
    return finished(start(worker_environment, home.root))


@pytest.fixture(scope="module")
def server(prefect, settings):
    """The service `prefect`, which this process asks."""
    with temporary_settings(
        {PREFECT_API_URL: prefect.url, PREFECT_API_AUTH_STRING: f"admin:{settings['PREFECT_PASSWORD']}"}
    ):
        yield prefect


@pytest.fixture(scope="module")
def registered(services, server):
    """The service `setup` has completed."""
    service = services["setup"]
    environment = plain_environment() | service["environment"] | {"PREFECT_API_URL": server.url}
    subprocess.run(service["command"], cwd=ROOT, env=environment, check=True, timeout=PATIENCE_SECONDS)


@pytest.fixture
def worker(services, server, registered, tmp_path):
    """The service `worker-cpu` is running. Gives its home."""
    service, port, home = services["worker-cpu"], str(free_port()), tmp_path / "home"
    changed = {"PREFECT_API_URL": server.url, "PREFECT_WORKER_WEBSERVER_PORT": port, "FLIPBOOK_HOME": str(home)}
    environment = service["environment"] | changed | {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    health = environment["HEALTH_URL"].replace("8080", port)
    with serving(service["command"], environment, health=health, log=tmp_path / "worker.log"):
        yield home


@pytest.fixture
def as_worker(worker_environment, monkeypatch):
    """This process has a worker's environment."""
    for name, value in worker_environment.items():
        if name.startswith("MLFLOW_"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def prefect_rows(postgres, settings):
    """Ask Prefect's database."""

    def ask(query):
        with postgres.connect("prefect", settings["PREFECT_DATABASE_PASSWORD"], "prefect") as connection:
            return connection.execute(query).fetchall()

    return ask


def test_neither_server_may_enter_the_other_s_database(postgres, settings):
    password = settings["PREFECT_DATABASE_PASSWORD"]
    postgres.connect("prefect", password, "prefect").close()
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        postgres.connect("prefect", password, "mlflow")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        postgres.connect("prefect", "another", "prefect")


def test_both_servers_ask_for_the_password(prefect, mlflow, settings):
    for url, password in (
        (f"{prefect.url}/admin/version", settings["PREFECT_PASSWORD"]),
        (f"{mlflow.url}/api/2.0/mlflow/experiments/get?experiment_id=0", settings["MLFLOW_PASSWORD"]),
    ):
        assert status(url) == 401
        assert status(url, credentials="admin:another") == 401
        assert status(url, credentials=f"admin:{password}") == 200


def test_mlflow_answers_to_its_own_names_only(mlflow, settings):
    url, credentials = (
        f"{mlflow.url}/api/2.0/mlflow/experiments/get?experiment_id=0",
        "admin:" + settings["MLFLOW_PASSWORD"],
    )
    assert status(url, credentials=credentials, host="mlflow:5000") == 200  # as the workers call it
    assert status(url, credentials=credentials, host="mlflow.example.org") == 403


def test_the_pipeline_completes_and_prefect_keeps_every_task_run(first, prefect_rows):
    assert first["cached"] == {"dataset": False, "train": False, "evaluate": False}
    run = "(SELECT id, state_type FROM flow_run ORDER BY created LIMIT 1) AS run"
    assert prefect_rows(f"SELECT state_type::text FROM {run}") == [("COMPLETED",)]
    of_run = f"FROM task_run JOIN {run} ON task_run.flow_run_id = run.id"
    assert prefect_rows(f"SELECT DISTINCT task_run.state_type::text {of_run}") == [("COMPLETED",)]
    kept = Counter(name for (name,) in prefect_rows(f"SELECT split_part(task_key, '-', 1) {of_run}"))
    once = {"complete_dataset", "train_model", "register_version", "evaluate_model", "promote_version"}
    assert Counter({"make_shard": 3} | dict.fromkeys(once, 1)) <= kept


def test_the_version_its_scores_and_its_training_are_in_mlflow_s_database(first, home, as_worker, postgres, settings):
    (row,) = list_versions(home)
    assert first["version"] == "models:/flipbook/1"
    assert row.aliases == ()  # a model that draws nothing right is no champion
    assert row.step == 6
    assert set(row.joint) == {"T0", "T1"}
    assert row.digest == checkpoint_digest(next(home.checkpoints.glob("*/final")))
    with postgres.connect("mlflow", settings["MLFLOW_DATABASE_PASSWORD"], "mlflow") as connection:
        assert connection.execute("SELECT name, version FROM model_versions").fetchall() == [("flipbook", 1)]
        steps = connection.execute(
            "SELECT step FROM metrics WHERE starts_with(key, 'loss/') AND run_uuid = %s", [row.run_id]
        )
        assert {step for (step,) in steps} == {2, 4, 6}


def test_a_version_s_checkpoint_comes_back_from_s3_through_the_server(first, as_worker, store, tmp_path):
    elsewhere = Home.at(tmp_path / "another-machine").create()
    found = resolve_model(elsewhere, first["version"])
    assert found.ref == first["version"]
    assert found.checkpoint.is_relative_to(elsewhere.root)
    assert found.digest == checkpoint_digest(found.checkpoint) == list_versions(elsewhere)[0].digest
    stored = {path.read_bytes() for path in store.folder.rglob("*.safetensors")}
    assert {path.read_bytes() for path in found.checkpoint.rglob("*.safetensors")} <= stored
    assert stored


def test_two_pipelines_at_once_make_one_version(first, worker_environment, home, as_worker):
    changes = {"train": {"seed": 5}}
    results = [finished(process) for process in [start(worker_environment, home.root, changes) for _ in range(2)]]
    assert {result["version"] for result in results} == {"models:/flipbook/2"}
    assert sorted(result["cached"]["train"] for result in results) == [False, True]
    assert [row.version for row in list_versions(home)] == [2, 1]


def test_setup_registers_both_pools_and_their_deployments(registered):
    with get_client(sync_client=True) as client:
        pools = {pool.name: pool.type for pool in client.read_work_pools()}
        names = {deployment.name for deployment in client.read_deployments()}
    assert pools.items() >= {"cpu": "process", "gpu": "process"}.items()
    assert {"pipeline", "dataset", "train", "evaluate"} <= names


def test_a_worker_takes_a_run_and_completes_it_in_the_shared_home(worker):
    world = WorldConfig(frame_size=32, frames=4).model_dump(mode="json")
    data = DataConfig(clips=8, shards=2).model_dump(mode="json")
    run = run_deployment("dataset/dataset", parameters={"world": world, "data": data}, timeout=0)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with get_client(sync_client=True) as client:
        while not (state := client.read_flow_run(run.id).state).is_final():
            assert time.monotonic() < deadline, f"the run is {state.name}"
            time.sleep(0.5)
    assert state.is_completed(), state.message
    (manifest,) = worker.glob("datasets/*/manifest.json")
    assert len(list(manifest.parent.glob("*.parquet"))) == 2


async def take_slot() -> UUID:
    async with get_client() as client:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=1))
        answer = await client.increment_concurrency_slots_with_lease(
            names=[LIMIT], slots=1, mode="concurrency", lease_duration=600
        )
        return UUID(answer.json()["lease_id"])


async def give_back(lease: UUID) -> None:
    async with get_client() as client:
        await client.release_concurrency_slots_with_lease(lease)


async def slots_in_use() -> int:
    async with get_client() as client:
        return (await client.read_global_concurrency_limit_by_name(LIMIT)).active_slots


def test_a_slot_that_was_held_while_the_server_restarted_is_given_back(server):
    lease = asyncio.run(take_slot())
    assert asyncio.run(slots_in_use()) == 1
    server.stop()
    server.start()
    assert asyncio.run(slots_in_use()) == 1
    asyncio.run(give_back(lease))
    assert asyncio.run(slots_in_use()) == 0
