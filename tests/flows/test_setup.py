"""Registering the project on a server makes all that it needs, and doing it again keeps what people have changed."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.states import Crashed, Pending, Scheduled
from shell import ROOT, shell

from flows.servers.automations import automations
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from flows.servers.programs import WORKERS
from flows.setup import register_all

DEPLOYMENTS = {
    "ablate/ablate": "cpu",
    "evaluate-new/evaluate-new": "cpu",
    "clean/clean": "cpu",
    "compare/compare": "cpu",
    "evaluate/evaluate": "cpu",
    "dataset/dataset": "cpu",
    "import/import": "cpu",
    "pipeline/pipeline": "cpu",
    "promote/promote": "cpu",
    "train/train": "gpu",
}


@pytest.fixture(scope="module")
def client(prefect_api: str) -> Iterator[SyncPrefectClient]:
    """A client of a server on which the project was registered once."""
    register_all()
    with get_client(sync_client=True) as client:
        yield client


def schedules(client: SyncPrefectClient) -> list[tuple[str | None, bool]]:
    deployment = client.read_deployment_by_name("pipeline/pipeline")
    return sorted(((schedule.slug, schedule.active) for schedule in deployment.schedules), key=str)


def limit_of(client: SyncPrefectClient, name: str) -> tuple[int | None, str | None]:
    deployment = client.read_deployment_by_name(name)
    limit, options = deployment.global_concurrency_limit, deployment.concurrency_options
    return limit.limit if limit else None, options.collision_strategy.value if options else None


def switched_on(client: SyncPrefectClient) -> dict[str, bool]:
    return {automation.name: automation.enabled for automation in client.read_automations()}


def test_every_flow_is_a_deployment_with_a_description_in_its_pool(client: SyncPrefectClient) -> None:
    for name, pool in DEPLOYMENTS.items():
        deployment = client.read_deployment_by_name(name)
        assert deployment.work_pool_name == pool
        assert deployment.description
        assert "flipbook" in deployment.tags
    assert client.read_work_pool("gpu").concurrency_limit == 1


def test_every_deployment_gives_its_runs_what_no_worker_may_forget(client: SyncPrefectClient) -> None:
    for name in DEPLOYMENTS:
        assert client.read_deployment_by_name(name).job_variables["env"] == {
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
            "PREFECT_LOGGING_EXTRA_LOGGERS": "flipbook",
        }, name


def test_waiting_pipelines_leave_half_of_the_cpu_worker_to_others(client: SyncPrefectClient) -> None:
    places = dict(WORKERS.values())["cpu"]
    limit = client.read_deployment_by_name("pipeline/pipeline").global_concurrency_limit
    assert limit
    assert limit.limit <= places / 2


def test_the_form_of_a_run_explains_every_field(client: SyncPrefectClient) -> None:
    schema = client.read_deployment_by_name("pipeline/pipeline").parameter_openapi_schema
    assert all(field["description"] for field in schema["properties"].values())
    for name in ("WorldConfig", "DataConfig", "ModelConfig", "TrainConfig", "EvaluationConfig"):
        fields = schema["definitions"][name]["properties"]
        assert all(field.get("description") for field in fields.values()), name


def test_the_nightly_schedule_is_off_at_first(client: SyncPrefectClient) -> None:
    assert schedules(client) == [("nightly", False)]


def test_registering_again_keeps_what_a_person_changed(client: SyncPrefectClient) -> None:
    deployment = client.read_deployment_by_name("pipeline/pipeline")
    (nightly,) = deployment.schedules
    client.update_deployment_schedule(deployment.id, nightly.id, active=True)
    client.create_deployment_schedules(deployment.id, [(IntervalSchedule(interval=timedelta(days=3)), False)])
    client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=2))
    client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=7))
    unlimited = client.read_deployment_by_name("dataset/dataset")
    client.update_deployment(unlimited.id, DeploymentUpdate(concurrency_limit=None))
    kept = {automation.name: automation.id for automation in client.read_automations()}
    off = automations()[0].name
    client.pause_automation(kept[off])
    try:
        register_all()
        assert schedules(client) == [("nightly", True), (None, False)]
        assert client.read_work_pool("gpu").concurrency_limit == 2
        assert limit_of(client, "pipeline/pipeline") == (7, "ENQUEUE")
        assert limit_of(client, "dataset/dataset")[0] is None
        assert limit_of(client, "evaluate-new/evaluate-new") == (1, "CANCEL_NEW")
        assert switched_on(client) == dict.fromkeys(kept, True) | {off: False}
        now = {automation.name: automation.id for automation in client.read_automations()}
        assert now == kept  # not made anew: the server would act on both
    finally:
        client.update_work_pool("gpu", WorkPoolUpdate(concurrency_limit=1))
        for automation in client.read_automations():
            client.resume_automation(automation.id)


def test_the_pool_gpu_gives_out_one_run_at_a_time_and_a_crashed_pending_run_frees_it(client: SyncPrefectClient) -> None:
    deployment = client.read_deployment_by_name("train/train").id
    first, second = (client.create_flow_run_from_deployment(deployment, state=Scheduled()).id for _ in range(2))
    try:
        client.set_flow_run_state(first, Pending(), force=True)
        assert given_out(client) == []
        client.set_flow_run_state(first, Crashed(), force=True)
        assert given_out(client) == [second]
    finally:
        for run in (first, second):
            client.delete_flow_run(run)


def given_out(client: SyncPrefectClient) -> list[UUID]:
    """The runs that a worker of the pool gpu would get now."""
    return [answer.flow_run.id for answer in client.get_scheduled_flow_runs_for_work_pool("gpu")]


def registered(*, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m flows.setup`, by the code in `cwd`."""
    return subprocess.run(
        [sys.executable, "-m", "flows.setup"],
        cwd=cwd, env=shell(**variables), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_an_installed_wheel_registers_the_same(client: SyncPrefectClient, prefect_api: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "installed")
    client.delete_deployment(client.read_deployment_by_name("clean/clean").id)
    done = registered(cwd=tmp_path / "installed", PREFECT_API_URL=prefect_api)
    assert done.returncode == 0, done.stderr
    assert limit_of(client, "clean/clean") == (1, "ENQUEUE")


def test_a_server_that_nobody_knows_is_a_sentence() -> None:
    done = registered(PREFECT_API_URL="http://nobody.invalid/api")
    assert done.returncode == 1
    assert "Error: The Prefect server at http://nobody.invalid/api (PREFECT_API_URL) does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_without_api_is_a_sentence(prefect_api: str) -> None:
    done = registered(PREFECT_API_URL=prefect_api.removesuffix("/api"))
    assert done.returncode == 1
    assert "PREFECT_API_URL ends in /api" in done.stderr
    assert "Traceback" not in done.stderr
