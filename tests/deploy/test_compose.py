"""deploy/compose.yaml, read by Docker's own compose: what it refuses, what it starts, who can reach it."""

import itertools
import re

import mlflow.environment_variables
import pytest
from click import Command
from deployment import COMPOSE_FILE, ComposeError, empty_settings, rendered
from mlflow.cli import server as mlflow_server
from prefect.settings import Settings

from data.home import Home
from flows.servers.heartbeat import HEARTBEAT_SECONDS
from flows.servers.programs import WORKERS, server_settings

ONE_SHOT = {"setup"}
ENVIRONMENT = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_LOGGING_EXTRA_LOGGERS": "flipbook",
}


@pytest.mark.parametrize("name", empty_settings())
def test_an_empty_password_is_refused_by_its_name(settings, name):
    with pytest.raises(ComposeError, match=rf"required variable {name} is missing a value: in deploy/\.env"):
        rendered(settings | {name: ""})


def test_no_password_has_a_default():
    for variable in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)(?!\w)(?!:\?)", COMPOSE_FILE.read_text()):
        pytest.fail(f"{variable} may be left empty")


def test_a_mistake_in_the_file_is_refused(settings, tmp_path):
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE_FILE.read_text().replace("depends_on:", "depend_on:", 1))
    with pytest.raises(ComposeError, match="depend_on"):
        rendered(settings, file=broken)


def test_only_the_two_servers_are_published_and_to_this_machine_alone(settings, services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"prefect", "mlflow"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    wider = rendered(settings | {"BIND_ADDRESS": "192.0.2.7", "PREFECT_PORT": "14200"})["services"]["prefect"]
    assert [(port["host_ip"], port["published"]) for port in wider["ports"]] == [("192.0.2.7", "14200")]
    assert wider["environment"]["PREFECT_SERVER_UI_API_URL"] == "http://127.0.0.1:14200/api"


def test_without_the_profile_gpu_nothing_asks_for_one(settings, services):
    assert set(rendered(settings)["services"]) == set(services) - {"worker-gpu"}
    asking = {name for name, service in services.items() if service.get("deploy")}
    assert asking == {"worker-gpu"}
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert services["worker-gpu"]["build"]["args"] == {"VARIANT": "cuda"}
    assert services["worker-gpu"]["command"] == services["worker-no-gpu"]["command"]


def test_another_s3_store_replaces_the_small_one(settings):
    endpoint = "https://s3.eu-central-1.amazonaws.com"
    services = rendered(settings | {"COMPOSE_PROFILES": "no-gpu", "S3_ENDPOINT_URL": endpoint})["services"]
    assert "s3" not in services
    assert services["mlflow"]["environment"]["MLFLOW_S3_ENDPOINT_URL"] == endpoint


def test_every_server_is_watched_restarted_and_keeps_its_log_short(services):
    for name, service in services.items():
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
        assert "no-new-privileges:true" in service["security_opt"], name
        if name not in ONE_SHOT:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_everything_waits_until_what_it_needs_is_ready(services):
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            ready = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert how["condition"] == ready, (name, needed)
    assert set(services["worker-cpu"]["depends_on"]) == {"setup", "mlflow"}


def test_the_workers_share_one_home(services):
    workers = [service for name, service in services.items() if name.startswith("worker-")]
    assert len(workers) == 3
    for worker in workers:
        (volume,) = worker["volumes"]
        assert (volume["source"], volume["target"]) == ("home", worker["environment"]["FLIPBOOK_HOME"])


def test_the_workers_take_what_one_gpu_and_waiting_pipelines_allow(settings, services):
    """They have as many places as the workers of `flipbook up`."""
    runs = {pool: str(limit) for pool, limit in WORKERS.values()}
    for name, pool in {"worker-cpu": "cpu", "worker-gpu": "gpu", "worker-no-gpu": "gpu"}.items():
        command = services[name]["command"]
        options = dict(itertools.pairwise(command))
        assert (options["--pool"], options["--limit"], options["--name"]) == (pool, runs[pool], f"{pool}-main")
        assert services[name]["environment"].items() >= ENVIRONMENT.items()
    second = rendered(settings | {"WORKER_NAME": "second"})["services"]
    assert "cpu-second" in second["worker-cpu"]["command"]


def test_only_mlflow_holds_the_keys_of_the_store(settings, services):
    key = settings["S3_SECRET_ACCESS_KEY"]
    holders = {name for name, service in services.items() if key in str(service["environment"])}
    assert holders == {"mlflow", "s3"}


def test_prefect_understands_every_setting(services, monkeypatch):
    for name, service in services.items():
        given = {key: value for key, value in service["environment"].items() if key.startswith("PREFECT_")}
        given.pop("PREFECT_DATABASE_PASSWORD", None)  # which deploy/postgres-databases.sh reads
        with monkeypatch.context() as patch:
            for key, value in given.items():
                patch.setenv(key, value)
            understood = Settings().to_environment_variables(exclude_unset=True)
        assert set(given) <= set(understood), name


def test_mlflow_knows_every_setting(services):
    assert isinstance(mlflow_server, Command)
    known = set(dir(mlflow.environment_variables)) | {str(option.envvar) for option in mlflow_server.params}
    given = {name for service in services.values() for name in service["environment"] if name.startswith("MLFLOW_")}
    assert given - {"MLFLOW_DATABASE_PASSWORD"} <= known  # which deploy/postgres-databases.sh reads


def test_the_server_has_the_settings_without_which_the_embedded_one_loses_history(services, tmp_path):
    embedded = server_settings(Home.at(tmp_path))
    of_one_home_alone = {"PREFECT_HOME", "PREFECT_SERVER_DATABASE_CONNECTION_URL"}
    wanted = {name: value for name, value in embedded.items() if name not in of_one_home_alone}
    assert wanted.items() <= services["prefect"]["environment"].items()
