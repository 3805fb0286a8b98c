"""Locks between processes that vanish with their holder, so that a killed run never blocks the next one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from data.home import Home

_logger = logging.getLogger("flipbook.locks")


@contextmanager
def locked(home: Home, name: str) -> Iterator[None]:
    """Hold the lock `name` of `home` within the block. Waits while another process or thread holds it.

    The kernel releases the lock when its holder ends, also after `kill -9`. It holds between the threads and processes
    of one machine. The file honours the umask, so that the users of a group can share a home.
    """
    home.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks / f"{name}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _logger.info("waiting for another run that does the same work (%s)", name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
