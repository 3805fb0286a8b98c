"""A Prefect server for the tests of the flows, and a home for each of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.home import HOME_VARIABLE, Home
from flows.servers.embedded import prefect_server


@pytest.fixture(scope="session")
def prefect_api(prepared: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real embedded server, one for all tests, with a history of its own. Gives the API's address."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PREFECT_API_URL", "PREFECT_HOME"):
            patch.delenv(name, raising=False)
        with prefect_server(prepared(tmp_path_factory.mktemp("prefect"))) as api:
            api.wait_until_ready()
            yield api.url


@pytest.fixture
def home(tmp_path: Path, prepared: Callable[[Path], Home], monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home that the flows use."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return prepared(tmp_path / "home")


@pytest.fixture(scope="module")
def shared_home(
    prefect_api: str, prepared: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """One home that the flows of all tests of a file use, so that they can build on each other."""
    with pytest.MonkeyPatch.context() as patch:
        home = prepared(tmp_path_factory.mktemp("home"))
        patch.setenv(HOME_VARIABLE, str(home.root))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield home
