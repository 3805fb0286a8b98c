"""Servers without workers, as `flipbook ui` starts them: what is refused, what is said, and how they end."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shell import PATIENCE_SECONDS, alive, flipbook, free_ports, is_free, output_until, processes, started

from data.home import Home
from flows.servers import lifecycle
from flows.servers.addresses import Addresses
from flows.servers.environment import child_environment
from flows.servers.health import server_answers
from flows.servers.lifecycle import interrupted_by_signals
from flows.servers.processes import PortError, check_port, listens


def test_both_answer_and_end_with_ctrl_c_and_commands_on_the_home_wait_for_them(
    tmp_path: Path, prepared: Callable[[Path], Home]
) -> None:
    home = prepared(tmp_path / "home").root
    prefect, mlflow = free_ports(2)
    ui = started("ui", "--home", home, "--prefect-port", prefect, "--mlflow-port", mlflow)
    try:
        output_until(ui, "Starting")
        models = flipbook("models", "--home", home)
        output_until(ui, "Ctrl-C stops")
        addresses = Addresses(prefect_port=prefect, mlflow_port=mlflow)
        assert all(server_answers(name, addresses) for name in ("prefect", "mlflow"))
        assert listens(Home.at(home), "prefect", prefect)
        assert not listens(Home.at(tmp_path / "another"), "prefect", prefect)
        running = processes(home)
        assert len(running) >= 3  # MLflow's server is a child of the command that starts it
        up = flipbook("up", "--home", home)
        ui.send_signal(signal.SIGINT)
        rest, _ = ui.communicate(timeout=PATIENCE_SECONDS)
    finally:
        ui.kill()
        flipbook("down", "--home", home)
    assert models.returncode == 0, models.stderr
    assert "are starting; waiting for them" in models.stderr
    assert up.returncode == 1
    assert "`flipbook ui` serves" in up.stderr
    assert ui.returncode == 0
    assert "Stopped." in rest
    assert not any(alive(process) for process in running)
    assert is_free(prefect)
    assert is_free(mlflow)


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
            check_port(port, "--example-port")
    check_port(port, "--example-port")


def test_a_port_that_somebody_takes_while_the_servers_start_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two `up` at once see both ports free. The server that answers is then the other one's."""
    home, said = Home.at(tmp_path / "home").create(), []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        addresses = Addresses(prefect_port=port, mlflow_port=free_ports(1)[0])
        checks = iter((lambda _addresses: None, lifecycle._check_ports))
        monkeypatch.setattr(lifecycle, "_check_ports", lambda addresses: next(checks)(addresses))
        with pytest.raises(PortError, match=f"Port {port} cannot be used"):
            lifecycle.bring_up(home, addresses, setup=None, say=said.append)
    assert processes(home.root) == []


def test_ui_refuses_a_taken_port_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = flipbook("ui", "--home", tmp_path / "home", "--mlflow-port", port)
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert "--mlflow-port" in done.stderr
    assert not (tmp_path / "home" / "mlflow.db").exists()


def test_sigterm_stops_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_we_start_bypasses_proxies_and_knows_no_foreign_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "ada:secret")
    environment = child_environment(Home.at(tmp_path / "home"), {})
    assert environment["NO_PROXY"] == environment["no_proxy"] == "example.org,127.0.0.1,localhost,::1"
    assert "PREFECT_SERVER_API_AUTH_STRING" not in environment
    assert Path(environment["TMPDIR"]).is_relative_to(tmp_path / "home")


def test_nobody_waits_for_servers_of_a_home_that_is_read_only(small_disk: Path) -> None:
    home = Home.at(small_disk / "home").create()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    lifecycle.wait_while_starting(home, pytest.fail)
    assert lifecycle.running_addresses(home) is None


def test_the_lock_of_starting_servers_can_be_shared_by_a_group(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    before = os.umask(0o002)
    try:
        with lifecycle.starting(home):
            assert (home.locks / "servers.lock").stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)
