"""Settings of MLflow that cannot work are refused in one sentence before any work."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from data.home import Home
from tracking.store import check_store
from tracking.store_check import StoreError, StoreUnreachableError
from tracking.transient import is_transient

SECRET = "s3cret"


@contextmanager
def http_server(answer: str) -> Iterator[str]:
    """The address of a server that gives this answer to every request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer.encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refusal(home: Home) -> str:
    """The sentence that refuses the settings. It is one line, without a password."""
    with pytest.raises(StoreError) as caught:
        check_store(home)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_a_home_of_its_own_needs_no_settings(home):
    check_store(home)


@pytest.mark.parametrize("address", ["./mlruns", "file:///tmp/mlruns", "htp://x", f"oracle://me:{SECRET}@host/db"])
def test_an_address_that_mlflow_cannot_use_is_refused(home, monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    sentence = refusal(home)
    assert sentence.startswith("MLFLOW_TRACKING_URI (from the environment) is ")
    assert "unset it" in sentence


def test_a_registry_elsewhere_is_refused_and_the_same_one_is_not(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"postgresql://me:{SECRET}@host/db")
    assert "MLFLOW_REGISTRY_URI" in refusal(home)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{home.root}/mlflow.db")
    check_store(home)


def test_a_database_without_its_driver_names_what_to_install(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"mssql+nothing://me:{SECRET}@host/db")
    assert "driver is not installed" in refusal(home)


def test_a_database_that_does_not_answer_is_named_without_its_password(home, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql+psycopg://me:{SECRET}@127.0.0.1:{free_port()}/db")
    assert "postgresql+psycopg://127.0.0.1" in refusal(home)


def test_a_server_that_does_not_answer_is_named_at_once(home, monkeypatch):
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("//", f"//me:{SECRET}@"))
    with pytest.raises(StoreUnreachableError, match=f"names {address}, but MLflow does not answer there") as caught:
        check_store(home)
    assert is_transient(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [("2.22.0", "runs MLflow 2.22.0, but Flipbook, with MLflow 3"), ("<html>It works!</html>", "no MLflow server")],
)
def test_a_server_that_is_too_old_or_is_something_else_is_refused(home, monkeypatch, answer, words):
    with http_server(answer) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert words in refusal(home)


def test_a_home_whose_path_no_database_address_can_hold_is_refused(tmp_path):
    home = Home.at(tmp_path / "a?b")
    with pytest.raises(StoreError, match="question mark"):
        check_store(home)
    assert not (tmp_path / "a").exists()
