"""The embedded Prefect server: what is said where it does not start, and that its history is free at its end."""

import os
import socket
import sys
from pathlib import Path

import pytest
from shell import output_until, started

from flows.servers import server_log
from flows.servers.embedded import EmbeddedServerError, PrefectApi
from flows.servers.history_lock import HistoryInUseError, claim_alone, claim_beside_others

COMMAND = """
import sys
from flows.servers.embedded import prefect_server
from data.home import Home
with prefect_server(Home.at(sys.argv[1])) as api:
    api.wait_until_ready()
    print("ready", flush=True)
    sys.stdin.read()
"""


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


def test_commands_share_a_history_and_a_killed_one_gives_it_free(tmp_path: Path) -> None:
    history = tmp_path / "prefect"
    command = started(tmp_path, program=(sys.executable, "-c", COMMAND))
    try:
        output_until(command, "ready")
        os.close(claim_beside_others(history))
        with pytest.raises(HistoryInUseError, match=rf"A command is using {tmp_path} .*\(pid {command.pid}\)"):
            claim_alone(history, patience=0)
    finally:
        command.kill()
        command.communicate()
    os.close(claim_alone(history))
