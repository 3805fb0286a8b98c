"""supervisord of a home: started, killed, stopped; and whether leftovers are told from what runs."""

from pathlib import Path

import pytest
from shell import alive, eventually, free_ports

from data.home import Home
from flows.servers.addresses import Addresses
from flows.servers.lifecycle import ServiceError, stop, watch
from flows.servers.supervisor import Supervisor


@pytest.fixture
def supervisor(tmp_path: Path):
    supervisor = Supervisor(Home.at(tmp_path / "home").create())
    yield supervisor
    stop(supervisor.home)


def addresses() -> Addresses:
    prefect, mlflow = free_ports(2)
    return Addresses(prefect_port=prefect, mlflow_port=mlflow)


def test_it_runs_until_it_is_stopped_and_only_its_owner_may_talk_to_it(supervisor: Supervisor) -> None:
    assert not supervisor.is_running()
    supervisor.home.up.mkdir(mode=0o755)
    supervisor.start((), addresses())
    process = supervisor.process()
    assert process
    assert supervisor.is_running()
    assert supervisor.home.up.stat().st_mode & 0o777 == 0o700
    assert (supervisor.home.up / "supervisor.sock").stat().st_mode & 0o777 == 0o600
    assert stop(supervisor.home)
    assert not supervisor.is_running()
    assert not alive(process)
    watch(supervisor.home, print)  # returns, because it was stopped
    assert not stop(supervisor.home)


def test_what_a_killed_one_left_behind_is_noticed_and_does_not_keep_the_next_from_starting(
    supervisor: Supervisor,
) -> None:
    supervisor.start((), addresses())
    assert not supervisor.was_killed()
    process = supervisor.process()
    assert process
    process.kill()
    eventually(lambda: not supervisor.is_running())
    assert supervisor.was_killed()
    assert (supervisor.home.up / "supervisor.sock").exists()
    with pytest.raises(ServiceError, match=r"supervisord was killed.*supervisord\.log"):
        watch(supervisor.home, print)
    supervisor.start((), addresses())
    assert supervisor.is_running()


def test_a_process_that_has_got_its_number_since_is_left_alone(supervisor: Supervisor) -> None:
    supervisor.home.up.mkdir()
    (supervisor.home.up / "supervisord.pid").write_text("1\n")
    assert supervisor.process() is None
    assert not stop(supervisor.home)


@pytest.mark.parametrize("name", ["with spaces; 50% #1", "long" * 50])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    supervisor = Supervisor(Home.at(tmp_path / name).create())
    try:
        supervisor.start(("prefect",), addresses())
        supervisor.start_program("prefect")
        (state,) = supervisor.states()
        assert state.name == "prefect"
        assert state.state in ("STARTING", "RUNNING")
        eventually(state.log.exists)
        assert state.log.is_relative_to(tmp_path / name)
        socket = supervisor.home.up / "supervisor.sock"
        folder = socket.readlink().parent if socket.is_symlink() else None
    finally:
        stop(supervisor.home)
    assert not supervisor.is_running()
    assert folder is None or not folder.exists()
