"""Servers that `flipbook ui` starts: they answer, and none of them outlives the command."""

import signal
import socket
import urllib.request
from pathlib import Path

import psutil
import pytest
from shell import PATIENCE_SECONDS, alive, eventually, flipbook, free_ports, is_free, output_until, processes, started

from data.home import Home
from flows.servers import history_lock
from flows.servers.lifecycle import interrupted_by_signals
from flows.servers.processes import PortError, check_port, started_for


def test_both_answer_and_end_with_ctrl_c_and_so_do_their_children(tmp_path: Path) -> None:
    home = tmp_path / "home"
    prefect, mlflow = free_ports(2)
    ui = started("ui", "--home", home, "--prefect-port", prefect, "--mlflow-port", mlflow)
    try:
        output = output_until(ui, "Ctrl-C stops")
        assert f"http://127.0.0.1:{prefect}" in output
        assert f"http://127.0.0.1:{mlflow}" in output
        for address in (f"http://127.0.0.1:{prefect}/api/health", f"http://127.0.0.1:{mlflow}/health"):
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert answer.status == 200
        running = processes(home)
        assert len(running) >= 3  # MLflow's server is a child of the command that starts it
        assert all(alive(process) for process in running)
        up = flipbook("up", "--home", home)
        assert up.returncode == 1
        assert "`flipbook ui` serves" in up.stderr
        ui.send_signal(signal.SIGINT)
        rest, _ = ui.communicate(timeout=PATIENCE_SECONDS)
    finally:
        ui.kill()
        flipbook("down", "--home", home)
    assert ui.returncode == 0
    assert "Stopped." in rest
    assert not any(alive(process) for process in running)
    assert is_free(prefect)
    assert is_free(mlflow)


def embedded_servers(home: Path) -> list[psutil.Process]:
    last = [str(home / "prefect")]
    # A process that has ended and was not waited for has no command line to show; nor has another user's.
    return [item for item in psutil.process_iter(["cmdline"], ad_value=[]) if item.info["cmdline"][-1:] == last]


def test_a_history_has_the_servers_that_stay_or_those_of_commands_and_never_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    prefect, mlflow = free_ports(2)
    options = ("--home", home, "--prefect-port", prefect, "--mlflow-port", mlflow)
    command = started("train", "--preset", "small", "--set", "train.steps=100000", "--home", home)
    try:
        eventually(lambda: embedded_servers(home))
        refused = flipbook("ui", *options)
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=PATIENCE_SECONDS)
    assert refused.returncode == 1
    assert f"A command is using {home} with its own Prefect server (pid {command.pid})" in refused.stderr
    assert embedded_servers(home) == []

    embedded_log = (home / "logs" / "prefect.log").read_bytes()
    ui = started("ui", *options, PREFECT_HOME=str(tmp_path / "of another home"))
    try:
        output_until(ui, "Starting")
        done = flipbook("data", "--preset", "small", "--home", home)
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{prefect}/api/flow_runs/count", b"{}", method="POST"), timeout=30
        ) as answer:
            runs = int(answer.read())
        running = {item.program for item in started_for(Home.at(home))}
        monkeypatch.setattr(history_lock, "PATIENCE_SECONDS", 0.0)
        with pytest.raises(history_lock.HistoryInUseError, match="starting or stopping"):
            history_lock.claim_beside_others(home / "prefect")
    finally:
        ui.send_signal(signal.SIGINT)
        ui.communicate(timeout=PATIENCE_SECONDS)
        flipbook("down", "--home", home)
    assert done.returncode == 0, done.stderr
    assert "are starting; waiting for them" in done.stderr
    assert running == {"prefect", "mlflow"}
    assert runs >= 1
    assert (home / "logs" / "prefect.log").read_bytes() == embedded_log
    assert not (tmp_path / "of another home" / "prefect.db").exists()


def test_a_server_that_fails_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "mlflow.db").write_text("no database, but a text that is longer than the header of one\n" * 10)
    prefect, mlflow = free_ports(2)
    ui = flipbook("ui", "--home", home, "--prefect-port", prefect, "--mlflow-port", mlflow)
    assert ui.returncode == 1
    assert "mlflow did not start" in ui.stderr
    assert str(home / "logs" / "mlflow-server.log") in ui.stderr
    assert "file is not a database" in ui.stderr
    assert processes(home) == []


def test_a_taken_port_is_named_with_its_holder_and_the_option_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=rf"Port {port} .*pid \d+.*--example-port"):
            check_port("127.0.0.1", port, "--example-port")
    check_port("127.0.0.1", port, "--example-port")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_is_named(host: str) -> None:
    with pytest.raises(PortError, match=f"--host {host} is no address of this machine"):
        check_port(host, 0, "--example-port")


def test_sigterm_stops_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_ui_refuses_a_taken_port_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = flipbook("ui", "--home", tmp_path / "home", "--mlflow-port", port)
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert "--mlflow-port" in done.stderr
    assert not (tmp_path / "home" / "mlflow.db").exists()
    assert not (tmp_path / "home" / "logs").exists()
