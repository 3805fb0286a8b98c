"""The lock manager: between threads, between processes, and after a holder was killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect.locking.protocol import LockManager

from tasks.cache.locks import FlockLockManager

HOLD = """
import sys, time
from pathlib import Path
from tasks.cache.locks import FlockLockManager
FlockLockManager(Path(sys.argv[1])).acquire_lock("key", "other")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def held_by_another_process(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_it_speaks_prefects_protocol(tmp_path):
    assert isinstance(FlockLockManager(tmp_path), LockManager)


def test_a_lock_has_one_holder_at_a_time(tmp_path):
    locks = FlockLockManager(tmp_path)
    assert locks.acquire_lock("key", "first")
    assert locks.is_locked("key")
    assert locks.is_lock_holder("key", "first")
    assert not locks.is_lock_holder("key", "second")
    assert not locks.acquire_lock("key", "second", acquire_timeout=0.1)
    locks.release_lock("key", "first")
    assert not locks.is_locked("key")
    assert locks.acquire_lock("key", "second", acquire_timeout=0.1)


def test_a_holder_may_take_its_lock_again(tmp_path):
    locks = FlockLockManager(tmp_path)
    assert locks.acquire_lock("key", "first")
    assert locks.acquire_lock("key", "first", acquire_timeout=0.1)


def test_locks_of_different_keys_do_not_wait_for_each_other(tmp_path):
    locks = FlockLockManager(tmp_path)
    assert locks.acquire_lock("one", "first")
    assert locks.acquire_lock("two", "second", acquire_timeout=0.1)


def test_only_the_holder_releases_a_lock(tmp_path):
    locks = FlockLockManager(tmp_path)
    locks.acquire_lock("key", "first")
    with pytest.raises(ValueError, match="second does not hold"):
        locks.release_lock("key", "second")
    assert locks.is_locked("key")


def test_another_process_is_waited_for(tmp_path, held_by_another_process):
    locks = FlockLockManager(tmp_path)
    assert locks.is_locked("key")
    assert not locks.wait_for_lock("key", timeout=0.1)
    assert not locks.acquire_lock("key", "here", acquire_timeout=0.2)


def test_a_killed_holder_leaves_nothing_locked(tmp_path, held_by_another_process):
    held_by_another_process.send_signal(signal.SIGKILL)
    held_by_another_process.wait()
    began = time.monotonic()
    assert FlockLockManager(tmp_path).acquire_lock("key", "here", acquire_timeout=5)
    assert time.monotonic() - began < 1


def test_a_lock_that_should_end_by_itself_is_refused(tmp_path):
    with pytest.raises(ValueError, match="hold_timeout"):
        FlockLockManager(tmp_path).acquire_lock("key", "first", hold_timeout=1)
