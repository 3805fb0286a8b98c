"""deploy/kubernetes: the work pool's template on a real Prefect server, and the job that Prefect makes of it."""

import asyncio
import json
from uuid import uuid4

import pytest
import yaml
from deployment import DEPLOY
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.context import refresh_global_settings_context
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.templating import find_placeholders

from flows.servers.embedded import prefect_server
from flows.servers.heartbeat import HEARTBEAT_SECONDS

TEMPLATE = DEPLOY / "kubernetes" / "gpu-pool.json"
CLAIM = DEPLOY / "kubernetes" / "home-claim.yaml"
KUBERNETES = ("1.31.0", "1.35.0")


@pytest.fixture
def template():
    return json.loads(TEMPLATE.read_text())


@pytest.fixture(scope="module")
def client(tmp_path_factory, prepared):
    """A client of a real Prefect server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PREFECT_API_URL", "PREFECT_HOME"):
            patch.delenv(name, raising=False)
        with prefect_server(prepared(tmp_path_factory.mktemp("prefect"))) as api:
            api.wait_until_ready()
            with temporary_settings({PREFECT_API_URL: api.url}), get_client(sync_client=True) as client:
                yield client
    refresh_global_settings_context()  # Prefect does not see by itself that the server from before is back


@pytest.fixture
def pool_of(client):
    """The work pool that the server makes of a template."""

    def make(template):
        name = f"gpu-{uuid4().hex[:8]}"
        client.create_work_pool(WorkPoolCreate(name=name, type="kubernetes", base_job_template=template))
        return client.read_work_pool(name)

    return make


@pytest.fixture
def job_of(pool_of):
    """The job that Prefect's Kubernetes worker would submit for a run, with some variables of the pool changed."""
    kubernetes = pytest.importorskip("prefect_kubernetes.worker", reason="needs the extra `kubernetes`; CI has it")

    def make(template, **changes):
        pool = pool_of(template)
        run = FlowRun(name="Quick Otter", flow_id=uuid4())
        configuration = asyncio.run(
            kubernetes.KubernetesWorkerJobConfiguration.from_template_and_values(pool.base_job_template, changes)
        )
        configuration.prepare_for_flow_run(run, work_pool=pool, worker_name="in-the-cluster")
        return configuration.job_manifest

    return make


def without_prefect_s_own(job):
    """The job without two fields that Prefect's worker demands and Kubernetes ignores."""
    copy = json.loads(json.dumps(job))
    for field in ("parallelism", "completions"):
        del copy["spec"]["template"]["spec"][field]
    return copy


def test_the_server_takes_the_template_and_gives_it_back(pool_of, template):
    pool = pool_of(template)
    assert pool.type == "kubernetes"
    assert pool.base_job_template == template


def test_the_server_refuses_a_template_whose_variable_is_not_described(pool_of, template):
    del template["variables"]["properties"]["gpus"]
    with pytest.raises(PrefectHTTPStatusError, match="gpus"):
        pool_of(template)


def test_every_variable_is_described_and_used(template):
    described = template["variables"]["properties"]
    used = {placeholder.name for placeholder in find_placeholders(json.dumps(template["job_configuration"]))}
    assert set(described) == used
    assert all(field["title"] and field["description"] for field in described.values())


def test_a_run_asks_for_one_gpu_and_has_the_home_and_the_secret(job_of, template):
    job = job_of(template)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["image"] == "flipbook:cuda"
    assert container["args"][:2] == ["prefect", "flow-run"]
    assert container["envFrom"] == [{"secretRef": {"name": "flipbook"}}]
    assert container["volumeMounts"] == [{"name": "home", "mountPath": "/var/lib/flipbook"}]
    (volume,) = pod["volumes"]
    claim = yaml.safe_load(CLAIM.read_text())
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert job["metadata"]["namespace"] == claim["metadata"]["namespace"]
    assert job["metadata"]["generateName"] == "quick-otter-"


def test_a_run_says_that_it_lives_as_often_as_the_server_expects_whatever_its_deployment_adds(job_of, template):
    (container,) = job_of(template, env={"MORE": "yes"})["spec"]["template"]["spec"]["containers"]
    environment = {item["name"]: item.get("value") for item in container["env"]}
    assert environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(HEARTBEAT_SECONDS)
    assert environment["PREFECT_LOGGING_EXTRA_LOGGERS"] == "flipbook"
    assert environment["MORE"] == "yes"


def test_kubernetes_own_schema_accepts_job_and_claim(job_of, template):
    validate = pytest.importorskip("kubernetes_validate").validate
    job = without_prefect_s_own(job_of(template, gpus=2, node_selector={"gpu": "a100"}, image="registry/flipbook:cuda"))
    for version in KUBERNETES:
        validate(job, version, strict=True)
        validate(yaml.safe_load(CLAIM.read_text()), version, strict=True)
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"gpu": "a100"}
    assert job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 2


def test_kubernetes_own_schema_refuses_a_misspelt_field(job_of, template):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "home", "persistantVolumeClaim": {"claimName": "{{ home_claim }}"}}]
    with pytest.raises(kubernetes_validate.ValidationError, match="persistantVolumeClaim"):
        kubernetes_validate.validate(without_prefect_s_own(job_of(template)), KUBERNETES[0], strict=True)
