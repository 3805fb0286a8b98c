"""Locks between processes that vanish with their holder, so that a killed run never blocks the next one."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
import time
from pathlib import Path

_logger = logging.getLogger("flipbook.locks")
_POLL_SECONDS = 0.05


class FlockLockManager:
    """Prefect's lock manager protocol over `fcntl.flock`: one file a key, for the processes of one machine.

    The kernel drops a lock with the process that holds it, also after `kill -9`. Lock files stay behind empty; removing
    one while another process waits for it would give the lock to two.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, tuple[str, int]] = {}  # key -> (holder, file descriptor)
        self._guard = threading.Lock()

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Takes the lock of `key` for `holder`, waiting up to `acquire_timeout` seconds (None: for ever).

        Returns False where the time is over. A holder may take its own lock again. Raises ValueError for a
        `hold_timeout`: these locks live as long as their holder.
        """
        if hold_timeout is not None:
            raise ValueError("locks over flock have no hold_timeout: they end with their holder")
        if self.is_lock_holder(key, holder):
            return True
        deadline = None if acquire_timeout is None else time.monotonic() + acquire_timeout
        told = False
        while (descriptor := self._try(key)) is None:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            if not told:
                _logger.info("waiting for another run that does the same work (%s)", key)
                told = True
            time.sleep(_POLL_SECONDS)
        with self._guard:
            self._held[key] = (holder, descriptor)
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """As `acquire_lock`, without blocking the event loop."""
        return await asyncio.to_thread(self.acquire_lock, key, holder, acquire_timeout, hold_timeout)

    def release_lock(self, key: str, holder: str) -> None:
        """Gives the lock of `key` back. Raises ValueError where `holder` does not hold it."""
        with self._guard:
            if self._held.get(key, (None, -1))[0] != holder:
                raise ValueError(f"{holder} does not hold the lock of {key}")
            _, descriptor = self._held.pop(key)
        os.close(descriptor)

    def is_locked(self, key: str) -> bool:
        """Whether anybody, in this process or another, holds the lock of `key`."""
        with self._guard:
            if key in self._held:
                return True
        descriptor = self._try(key)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Whether `holder` holds the lock of `key`."""
        with self._guard:
            return self._held.get(key, (None, -1))[0] == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Waits until nobody holds the lock of `key`; False after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_locked(key):
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """As `wait_for_lock`, without blocking the event loop."""
        return await asyncio.to_thread(self.wait_for_lock, key, timeout)

    def _try(self, key: str) -> int | None:
        """The descriptor of `key`'s lock file, locked; None where somebody else has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
