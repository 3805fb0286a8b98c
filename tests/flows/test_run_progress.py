"""Progress on Prefect's pages: a server that hangs delays no training, and later shows the last value."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import Artifact
from prefect.context import refresh_global_settings_context
from prefect.runtime import flow_run
from tiny import tiny_config

from data.home import Home
from flows.dataset import make_dataset
from flows.servers.embedded import prefect_server
from flows.train import make_model
from tasks.progress import in_prefect as run_progress
from tasks.progress.in_prefect import RunProgress
from tasks.progress.progress import reporting_to

REPORTS_WHILE_FROZEN = 15


class Server:
    """A Prefect server that can be made to hang."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def server(prepared: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for these tests only."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PREFECT_API_URL", "PREFECT_HOME"):
            patch.delenv(name, raising=False)
        before = set(psutil.Process().children())
        with prefect_server(prepared(tmp_path_factory.mktemp("prefect"))) as api:
            api.wait_until_ready()
            (process,) = set(psutil.Process().children()) - before
            try:
                yield Server(process)
            finally:
                process.send_signal(signal.SIGCONT)
    refresh_global_settings_context()  # Prefect does not see by itself that the server from before is back


@pytest.fixture(autouse=True)
def quick(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """All delays are shorter. The order of what happens is the same."""
    monkeypatch.setattr(run_progress, "SECONDS_BETWEEN_UPDATES", 0.2)
    monkeypatch.setattr(run_progress, "ANSWER_SECONDS", 1.0)


class Reported(RunProgress):
    """Does something at the training's first report, and tells when it has reported often enough after that."""

    def __init__(self, at_first: Callable[[], None], enough: threading.Event) -> None:
        super().__init__()
        self._reports = 0
        self._at_first, self._enough = at_first, enough

    def update(self, step: str, completed: int, detail: str = "") -> None:
        super().update(step, completed, detail)
        if step == "train":
            self._reports += 1
            if self._reports == 1:
                self._at_first()
            if self._reports == REPORTS_WHILE_FROZEN:
                self._enough.set()


def artifact_of(run_id: str, step: str) -> Artifact:
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        found = [item for item in client.read_artifacts(flow_run_filter=wanted) if item.key == f"progress-{step}"]
    return found[0]


def test_a_training_goes_on_while_the_server_hangs(server: Server, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = tiny_config(train={"steps": 100, "log_every": 5, "sample_every": 100})
    enough = threading.Event()

    def hang() -> None:
        server.freeze()
        # A training that waited for the server would never report again, and the wait would time out.
        went_on.append(enough.wait(300))
        server.thaw()

    went_on: list[bool] = []
    hanging = threading.Thread(target=hang)
    progress = Reported(hanging.start, enough)

    @flow(name="train")
    def training() -> str:
        with progress, reporting_to(progress):
            dataset = make_dataset(home, config.world, config.data).value
            make_model(home, config.model, config.train, dataset)
        return str(flow_run.get_id())

    run_id = training()
    hanging.join()
    assert went_on == [True]
    shown = artifact_of(run_id, "train")
    assert shown.data == 100.0
    assert str(shown.description).startswith("train: done")


def test_the_last_value_waits_for_a_server_that_comes_back(server: Server) -> None:
    with_progress = RunProgress()

    @flow(name="short")
    def short() -> str:
        with with_progress as progress:
            progress.start("train", 10)
            server.freeze()
            progress.finish("train", "soon enough")
            threading.Timer(2.0, server.thaw).start()
        return str(flow_run.get_id())

    shown = artifact_of(short(), "train")
    assert (shown.data, shown.description) == (100.0, "train: done, soon enough")


def test_a_server_that_stays_away_holds_the_end_up_for_a_bounded_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_progress, "LAST_SECONDS", 3.0)

    @flow(name="short")
    def short() -> float:
        server.freeze()
        try:
            began = time.monotonic()
            with RunProgress() as progress:
                progress.start("train", 10)
                progress.finish("train")
            return time.monotonic() - began
        finally:
            server.thaw()

    assert 2.5 < short() < 60  # and not the minutes for which the server hangs
