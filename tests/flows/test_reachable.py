"""A Prefect server that cannot be used: at once a sentence that says why, or a wait for one that may be starting."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from prefect.settings import (
    PREFECT_API_TLS_INSECURE_SKIP_VERIFY,
    PREFECT_API_URL,
    temporary_settings,
)
from shell import free_ports
from tenacity import wait_none

from flows.server_patience import patiently
from flows.servers import reachable
from flows.servers.reachable import UnreachableError, wait_for_server


class Answering(BaseHTTPRequestHandler):
    """Answers each request with the next of `answers`, a status and a body; the last one stays."""

    answers: list[tuple[int, bytes]]

    def do_GET(self) -> None:
        status, body = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not into the tests' output."""


@contextmanager
def server(*answers: tuple[int, bytes], port: int = 0, certificate: Path | None = None) -> Iterator[str]:
    """A server that gives these answers. Gives its address."""
    found = HTTPServer(("127.0.0.1", port), type("Handler", (Answering,), {"answers": list(answers)}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        found.socket = context.wrap_socket(found.socket, server_side=True)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http{'s' if certificate else ''}://127.0.0.1:{found.server_port}/api"
    found.shutdown()
    found.server_close()


def refused(url: str, say: Callable[[str], None] = pytest.fail) -> str:
    """The message of the error, which is raised without waiting."""
    with temporary_settings({PREFECT_API_URL: url}), pytest.raises(UnreachableError) as caught:
        wait_for_server(url, say)
    return str(caught.value)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((401, b'{"exception_message": "Unauthorized"}'), "asks for a password: set PREFECT_API_AUTH_STRING"),
        ((404, b"{}"), "is no Prefect API. PREFECT_API_URL ends in /api"),
        ((200, b"<html>"), "is no Prefect API. PREFECT_API_URL ends in /api"),
        ((200, b"{}"), "is no Prefect API. PREFECT_API_URL ends in /api"),
        ((403, b"go away"), "answered 403 to GET /api/admin/version: go away"),
    ],
)
def test_a_server_that_refuses_is_a_sentence_at_once(answer: tuple[int, bytes], sentence: str) -> None:
    with server(answer) as url:
        said = refused(url)
    assert sentence in said
    assert url in said


@pytest.mark.parametrize("url", ["htp://127.0.0.1:4200/api", "127.0.0.1:4200/api"])
def test_an_invalid_address_is_a_sentence_at_once(url: str) -> None:
    assert "PREFECT_API_URL is no address of a server" in refused(url)


def test_a_host_that_does_not_exist_is_a_sentence_at_once() -> None:
    assert "does not answer" in refused("http://nobody.invalid/api")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key."""
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def test_an_untrusted_certificate_is_a_sentence_unless_the_user_wants_it(certificate: Path) -> None:
    with server((200, b'"3.8.8"'), certificate=certificate) as url:
        assert "PREFECT_API_TLS_INSECURE_SKIP_VERIFY" in refused(url)
        with temporary_settings({PREFECT_API_URL: url, PREFECT_API_TLS_INSECURE_SKIP_VERIFY: True}):
            wait_for_server(url, pytest.fail)


def test_a_server_that_starts_is_waited_for_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "PAUSE_SECONDS", 0.05)
    said: list[str] = []
    with server((503, b""), (503, b""), (200, b'"3.8.8"')) as url, temporary_settings({PREFECT_API_URL: url}):
        wait_for_server(url, said.append)
    (line,) = said
    assert f"The Prefect server at {url} does not answer; waiting" in line


def test_a_server_that_stays_away_is_a_sentence_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/api"
    with temporary_settings({PREFECT_API_URL: url}), pytest.raises(UnreachableError, match="does not answer"):
        wait_for_server(url, print, seconds=0)


def ask(url: str) -> int:
    return httpx.get(url).raise_for_status().status_code


def test_a_request_of_a_run_waits_for_a_server_that_restarts() -> None:
    with server((503, b""), (503, b""), (200, b"")) as url:
        assert patiently.copy(wait=wait_none())(partial(ask, url)) == 200


def test_a_request_of_a_run_that_is_refused_is_not_repeated() -> None:
    with server((404, b""), (200, b"")) as url, pytest.raises(httpx.HTTPStatusError, match="404"):
        patiently(partial(ask, url))
