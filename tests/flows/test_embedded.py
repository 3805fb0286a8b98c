"""The Prefect server of a single command: it uses nothing of its surroundings, and ends with the command."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from shell import ROOT, alive, eventually, output_until, shell, started

from data.home import Home
from flows.servers import lifecycle

COMMAND = """
import sys
from data.home import Home
from flows.servers.embedded import prefect_server
from flows.servers.environment import prepare_this_process
home = Home.at(sys.argv[1])
prepare_this_process(home)
with prefect_server(home) as api:
    from prefect import flow
    api.wait_until_ready()
    flow(lambda: None, name="nothing")()
    print("ready", flush=True)
    if len(sys.argv) > 2:
        sys.stdin.read()
"""
DEAD_PROXY = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}


def command(home: Path, *, cwd: Path, before: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that runs one flow with an embedded server, in the folder `cwd`."""
    return subprocess.run(
        [sys.executable, "-P", "-c", before + COMMAND, str(home)],
        cwd=cwd,
        env=shell(PYTHONPATH=str(ROOT), **variables),
        capture_output=True,
        text=True,
        timeout=lifecycle.START_SECONDS,
        check=False,
    )


def test_nothing_in_the_working_directory_or_the_environment_disturbs_it(tmp_path: Path) -> None:
    for name in ("flows.py", "random.py", "data/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise ImportError('this file belongs to the user')")
    (tmp_path / ".env").write_text("PREFECT_SERVER_API_AUTH_STRING=ada:secret\n")
    foreign = tmp_path / "foreign.db"
    url = f"sqlite+aiosqlite:///{foreign}"
    (tmp_path / "prefect.toml").write_text(f'[server.database]\nconnection_url = "{url}"\n')
    home = tmp_path / "a?home %20#1"
    done = command(home, cwd=tmp_path, PREFECT_API_DATABASE_CONNECTION_URL=url, **DEAD_PROXY)
    assert done.returncode == 0, done.stderr
    assert (home / "prefect" / "prefect.db").exists()
    assert not foreign.exists()


def test_settings_that_prefect_cannot_read_are_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "prefect.toml").write_text("[broken\n")
    done = command(tmp_path / "home", cwd=tmp_path)
    assert done.returncode == 1
    assert "EmbeddedServerError: Prefect cannot read its settings" in done.stderr
    assert f"prefect.toml and pyproject.toml in {tmp_path}" in done.stderr


def test_a_user_without_a_home_directory_gets_the_home_in_its_place(
    tmp_path: Path, prepared: Callable[[Path], Home]
) -> None:
    unknown_user = """
import os, pwd
def getpwuid(uid): raise KeyError(uid)
pwd.getpwuid = getpwuid
del os.environ["HOME"]
"""
    done = command(prepared(tmp_path / "home").root, cwd=tmp_path, before=unknown_user)
    assert done.returncode == 0, done.stderr


def test_it_ends_with_a_command_that_is_killed(tmp_path: Path, prepared: Callable[[Path], Home]) -> None:
    killed = started(prepared(tmp_path / "home").root, "stay", program=(sys.executable, "-c", COMMAND))
    try:
        output_until(killed, "ready")
        children = psutil.Process(killed.pid).children(recursive=True)
        assert children
    finally:
        killed.kill()
        killed.communicate()
    eventually(lambda: not any(alive(child) for child in children))


@pytest.fixture
def broken_history(tmp_path: Path) -> Home:
    """A home whose history is not a database."""
    home = Home.at(tmp_path / "home").create()
    home.prefect.mkdir()
    home.logs.mkdir()
    (home.prefect / "prefect.db").write_text("this is a text and not a database\n" * 100)
    return home


def test_the_end_of_its_log_says_why_it_did_not_start(broken_history: Home, tmp_path: Path) -> None:
    done = command(broken_history.root, cwd=tmp_path)
    assert done.returncode == 1
    assert "EmbeddedServerError: Prefect's server did not start" in done.stderr
    assert "file is not a database" in done.stderr


def test_a_full_disk_is_named_instead_of_the_log(broken_history: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LEAST_SPACE", 1 << 62)  # more than any disk has
    reason = lifecycle.reason_in(broken_history.logs / "prefect.log")
    assert reason.startswith(f" The disk of {broken_history.root} is full. Free some space")
