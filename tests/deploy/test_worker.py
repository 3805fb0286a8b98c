"""The services `setup` and `worker-cpu` of the compose file: what they register, and a run on the worker."""

import subprocess
import time

import pytest
from deployment import ROOT, plain_environment
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from processes import free_port, serving

from data.shards.config import DataConfig
from data.worlds.world import WorldConfig

PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def server(prefect, settings):
    """This process asks the service `prefect`."""
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
