"""Servers and workers as `flipbook up` starts them, Debian's chromium in front of them, and where pictures go.

BROWSER_SCREENSHOTS=out/screenshots python -m pytest tests/browser      keeps the pictures in that folder
python -m pytest tests/browser --docs-images                            also renews the pictures of docs/operate.md
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from data.home import Home
from tests.browser.camera import Camera
from tests.browser.mlflow_pages import MlflowPages
from tests.browser.prefect_pages import PrefectPages
from tests.browser.servers import Servers, running_servers

PATIENCE_SECONDS = 60
FOLDER_VARIABLE = "BROWSER_SCREENSHOTS"
DOCS_OPTION = "--docs-images"
DOCS_IMAGES = Path(__file__).parents[2] / "docs" / "images"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(DOCS_OPTION, action="store_true", help="put the pictures of docs/operate.md there anew")


@pytest.fixture(scope="module")
def servers(prepared: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers and workers on an empty home. They use all cores, so they end with the module."""
    with running_servers(prepared(tmp_path_factory.mktemp("browser") / "home").root) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright. It keeps an event loop running in this thread, so it ends with this module."""
    with sync_playwright() as started:
        expect.set_options(timeout=1000 * PATIENCE_SECONDS)
        yield started


@pytest.fixture(scope="module")
def page(playwright: Playwright, servers: Servers) -> Iterator[Page]:
    """A tab of a browser that can reach only our servers."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium here; on Debian: apt-get install chromium")
    browser = playwright.chromium.launch(executable_path=program)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="UTC", locale="en-GB")
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    _keep_inside(context, servers)
    yield context.new_page()
    browser.close()


def _keep_inside(context: BrowserContext, servers: Servers) -> None:
    ours = (servers.prefect, servers.mlflow)
    context.route(lambda url: url.startswith("http") and not url.startswith(ours), lambda route: route.abort())


@pytest.fixture(scope="module")
def prefect(page: Page, servers: Servers) -> PrefectPages:
    """Prefect's pages."""
    return PrefectPages(page, servers.prefect)


@pytest.fixture(scope="module")
def mlflow(page: Page, servers: Servers) -> MlflowPages:
    """MLflow's pages."""
    return MlflowPages(page, servers.mlflow)


@pytest.fixture(scope="module")
def camera(page: Page, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Camera:
    """Takes pictures of the tab."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    docs = DOCS_IMAGES if request.config.getoption(DOCS_OPTION, default=False) else None
    return Camera(page, folder, docs)
