"""What the server does with a run whose process dies before the run has begun: it is tried again, and not for ever."""

import os
import subprocess
import sys
from pathlib import Path

from own_server import OwnServer
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments import run_deployment
from shell import ROOT, eventually, stop

from flows.servers.automations import STARTS_AT_MOST, automations


def deployed(folder: Path) -> None:
    """A deployment of the project whose code could be imported, and cannot any more."""
    file = folder / "broken.py"
    file.write_text("from prefect import flow\n\n\n@flow\ndef broken() -> None: ...\n")
    source = flow.from_source(source=folder, entrypoint="broken.py:broken")
    source.deploy(name="test", work_pool_name="cpu", tags=["flipbook"], print_next_steps=False)
    file.write_text("import a_module_that_nobody_has\n")


def test_a_run_that_cannot_be_loaded_is_tried_some_times_and_has_failed_then(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.servers.automations.CRASHED_SECONDS", 10)  # the shortest that Prefect takes
    server = OwnServer(tmp_path)
    with server.running(), get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="cpu", type="process"))
        for automation in automations():
            automation.create()
        deployed(tmp_path)
        run = run_deployment("broken/test", timeout=0, as_subflow=False)
        worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", "cpu", "--type", "process"],
            cwd=ROOT,
            env={**os.environ, "PREFECT_API_URL": server.url, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: client.read_flow_run(run.id).state.is_failed(), 240)
            names = [state.name for state in client.read_flow_run_states(run.id)]
        finally:
            stop(worker)
        assert names.count("Crashed") == names.count("Pending") == names.count("AwaitingRetry") + 1 == STARTS_AT_MOST
        assert "retry it" in client.read_flow_run(run.id).state.message
