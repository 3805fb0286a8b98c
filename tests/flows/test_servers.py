"""Servers that `flipbook ui` starts: they answer, and none of them outlives the command."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.commands.servers import (
    HOST,
    Server,
    ServerError,
    interrupted_by_sigterm,
    running,
    wait_until_healthy,
)

# A server with a child of its own, as uvicorn with workers has.
PARENT = (
    "import subprocess, sys, http.server, pathlib\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "pathlib.Path(sys.argv[2]).write_text(str(child.pid))\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def server(folder: Path, code: str, port: int) -> Server:
    command = (sys.executable, "-c", code, str(port), str(folder / "child"))
    return Server("Example", port, command, {}, folder / "logs" / "example.log", "/")


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_server_answers_and_ends_with_the_block_and_so_do_its_children(tmp_path: Path) -> None:
    example = server(tmp_path, PARENT, free_port())
    with running([example]) as (process,):
        wait_until_healthy(example, process)
        child = int((tmp_path / "child").read_text())
        assert alive(child)
    assert process.poll() is not None
    deadline = time.monotonic() + 10
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def test_a_server_that_fails_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    example = server(tmp_path, "raise SystemExit('the database is from a newer version')", free_port())
    with (
        pytest.raises(ServerError, match=r"Example did not start.*example\.log(.|\n)*newer version"),
        running([example]) as (process,),
    ):
        wait_until_healthy(example, process)


def test_a_taken_port_is_named_with_the_option_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port}.*--example-port"), running([server(tmp_path, "", port)]):
            pass
    assert not (tmp_path / "logs").exists()


def test_sigterm_stops_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interrupted_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_ui_refuses_a_taken_port_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "flows.cli", "ui", "--home", str(tmp_path / "home"), "--mlflow-port", port]
        root = Path(__file__).parents[2]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert not (tmp_path / "home" / "mlflow.db").exists()
