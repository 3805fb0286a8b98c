"""Requests to a server that goes away and comes back."""

import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.settings import PREFECT_API_URL, temporary_settings
from shell import free_ports

from flows import server_patience
from flows.server_patience import patiently


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_patience, "PAUSE_SECONDS", 0.05)


class Answering(BaseHTTPRequestHandler):
    """Answers each request with the next status of `statuses`."""

    statuses: list[int]

    def do_GET(self) -> None:
        self.send_response(self.statuses.pop(0))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Not into the tests' output."""


def ask(port: int) -> int:
    answer = httpx.get(f"http://127.0.0.1:{port}/")
    answer.raise_for_status()
    return answer.status_code


def serve(port: int, *statuses: int) -> HTTPServer:
    server = HTTPServer(("127.0.0.1", port), type("Handler", (Answering,), {"statuses": list(statuses)}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_a_request_waits_for_a_server_that_starts():
    (port,), servers = free_ports(1), []
    threading.Timer(0.5, lambda: servers.append(serve(port, 503, 200))).start()
    began = time.monotonic()
    assert patiently(partial(ask, port)) == 200
    assert time.monotonic() - began >= 0.5
    servers[0].shutdown()


def test_an_answer_that_refuses_is_no_absence():
    (port,) = free_ports(1)
    server = serve(port, 404, 200)
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        patiently(partial(ask, port))
    server.shutdown()


def test_it_ends_in_time(monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setattr(server_patience, "PATIENCE_SECONDS", 0.3)
    with pytest.raises(httpx.ConnectError):
        patiently(partial(ask, port))


def test_an_absence_that_prefect_wraps_into_an_error_of_its_own_is_one(monkeypatch):
    """The slot of a limit is asked for twice while nobody listens, then of a server that refuses: only that ends it."""
    (port,), servers = free_ports(1), []
    threading.Timer(2, lambda: servers.append(serve(port, 409))).start()

    def slot() -> None:
        with concurrency("gpu", strict=True):
            raise AssertionError("nobody has given a slot")

    began = time.monotonic()
    with (
        temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}),
        pytest.raises(ConcurrencySlotAcquisitionError, match="409"),
    ):
        patiently(slot)
    assert time.monotonic() - began >= 2
    servers[0].shutdown()
