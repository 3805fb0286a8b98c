"""Locks between threads and processes, and after a holder was killed."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from data.home import Home
from tasks.cache.locks import locked

HOLD = """
import sys, time
from data.home import Home
from tasks.cache.locks import locked
with locked(Home.at(sys.argv[1]), "key"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


def taken_in_a_thread(home: Home, name: str) -> threading.Event:
    taken = threading.Event()

    def take() -> None:
        with locked(home, name):
            taken.set()

    threading.Thread(target=take, daemon=True).start()
    return taken


def test_a_second_thread_waits_until_the_first_one_is_done(home):
    with locked(home, "key"):
        second = taken_in_a_thread(home, "key")
        assert not second.wait(0.3)
        assert taken_in_a_thread(home, "other").wait(30)
    assert second.wait(30)


def test_a_lock_ends_with_the_process_that_held_it_even_if_it_was_killed(home):
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", HOLD, str(home.root)], stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        waiting = taken_in_a_thread(home, "key")
        assert not waiting.wait(0.3)
        process.send_signal(signal.SIGKILL)
        assert waiting.wait(30)


def test_the_users_of_a_group_can_share_the_lock_files(home):
    before = os.umask(0o002)
    try:
        with locked(home, "key"):
            mode = stat.S_IMODE((home.locks / "key.lock").stat().st_mode)
    finally:
        os.umask(before)
    assert mode == 0o664


def test_an_error_within_the_block_releases_the_lock(home):
    with pytest.raises(ZeroDivisionError), locked(home, "key"):
        _ = 1 / 0
    assert taken_in_a_thread(home, "key").wait(30)
