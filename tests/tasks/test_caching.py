"""Cache keys and retries."""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import requests
from prefect.states import Failed
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError

from data.worlds.prompts import PromptError
from data.worlds.world import WorldConfig
from tasks.cache.policy import MLFLOW_ATTEMPTS, content_hash, identity, is_transient, retried, worth_retrying


class Colour(Enum):
    BLUE = "blue"


class One(BaseModel):
    value: int


class Two(BaseModel):
    value: int


def test_models_of_different_types_with_equal_fields_differ():
    assert content_hash(One(value=1)) != content_hash(Two(value=1))


def test_equal_configs_have_equal_hashes_however_they_were_made():
    assert content_hash(WorldConfig()) == content_hash(WorldConfig.model_validate(WorldConfig().model_dump()))


def test_every_input_counts():
    assert content_hash({"seed": 1}) != content_hash({"seed": 2})
    assert content_hash([Path("a")]) != content_hash([Path("b")])
    assert content_hash(1) != content_hash(1.5) != content_hash("1")
    assert content_hash(Colour.BLUE) != content_hash("blue")


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes"])
def test_what_may_hash_differently_in_another_process_is_refused(value):
    with pytest.raises(TypeError, match="cannot be part of a cache key"):
        identity([value])


@pytest.mark.parametrize(
    "error", [ConnectionResetError("reset"), OSError(errno.EIO, "input/output error"), httpx.ConnectTimeout("slow")]
)
def test_trouble_that_may_pass_is_retried(error):
    assert worth_retrying(None, None, Failed(data=error))


@pytest.mark.parametrize(
    "error",
    [
        PromptError("unknown word"),
        ValueError("bad config"),
        FileNotFoundError("gone"),
        PermissionError("not yours"),
        OSError(errno.ENOSPC, "disk full"),
        RuntimeError("a bug"),
    ],
)
def test_what_would_fail_again_is_not_retried(error):
    assert not worth_retrying(None, None, Failed(data=error))


def test_what_a_transient_error_caused_is_retried():
    error = RuntimeError("could not log")
    error.__cause__ = ConnectionResetError("reset")
    assert worth_retrying(None, None, Failed(data=error))


@pytest.fixture
def answering() -> Iterator[Callable[[int], str]]:
    """Start a server that answers everything with a status; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def error_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Exception]:
    """What MLflow's client raises when it asks the server at an address."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    def ask(url: str) -> Exception:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            MlflowClient(tracking_uri=url).search_experiments()
        return caught.value

    return ask


@pytest.mark.parametrize(("status", "again"), [(500, True), (502, True), (503, True), (429, True), (403, False)])
def test_an_answer_of_mlflows_server_is_retried_where_another_may_follow(error_of_mlflow, answering, status, again):
    assert worth_retrying(None, None, Failed(data=error_of_mlflow(answering(status)))) == again


def test_an_mlflow_server_that_is_not_there_is_retried_and_an_address_that_is_none_is_not(error_of_mlflow):
    assert is_transient(error_of_mlflow("http://127.0.0.1:9"))
    assert not is_transient(error_of_mlflow("http://:9"))


def test_an_artifact_that_is_refused_is_not_retried(answering):
    from mlflow.utils.rest_utils import augmented_raise_for_status

    for status, again in ((404, False), (503, True)):
        with pytest.raises(requests.HTTPError) as caught:
            augmented_raise_for_status(requests.get(answering(status), timeout=10))
        assert is_transient(caught.value) == again


def test_a_database_that_is_busy_is_retried_and_one_on_a_full_disk_is_not():
    for words, again in (("database is locked", True), ("database or disk is full", False)):
        assert is_transient(OperationalError("INSERT", {}, sqlite3.OperationalError(words))) == again


def test_tasks_that_need_only_mlflow_wait_ten_minutes_for_it():
    assert sum(retried(MLFLOW_ATTEMPTS)["retry_delay_seconds"]) == pytest.approx(600, rel=0.05)


def test_a_bad_config_is_not_retried():
    with pytest.raises(ValueError, match="frames") as caught:
        WorldConfig(frames=0)
    assert not worth_retrying(None, None, Failed(data=caught.value))
