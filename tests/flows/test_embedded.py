"""What is said where the embedded Prefect server does not start."""

import socket
from pathlib import Path

import pytest

from flows import server_log
from flows.embedded import EmbeddedServerError, PrefectApi


@pytest.fixture
def gone(tmp_path: Path) -> PrefectApi:
    """A server that has ended, and its log."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    log = tmp_path / "home" / "logs" / "prefect.log"
    log.parent.mkdir(parents=True)
    log.write_text("Traceback\nsqlite3.OperationalError: what went wrong\n")
    return PrefectApi(f"http://127.0.0.1:{port}/api", log)


def test_the_end_of_its_log_is_shown(gone: PrefectApi) -> None:
    with pytest.raises(EmbeddedServerError, match="what went wrong"):
        gone.wait_until_ready()


def test_a_full_disk_is_named_instead(gone: PrefectApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_log, "LEAST_SPACE", 1 << 62)  # more than any disk has
    with pytest.raises(EmbeddedServerError, match=r"disk of .* is full\. Free some space") as caught:
        gone.wait_until_ready()
    assert str(tmp_path / "home") in str(caught.value)
    assert "Traceback" not in str(caught.value)
