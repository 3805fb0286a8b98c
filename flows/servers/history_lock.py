"""Who serves a Prefect history: one server that stays, or the embedded ones of commands, of which there may be several.

Never both: each of them would act on the same schedules and events, and write one SQLite file. Whoever serves holds a
lock that ends with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PATIENCE_SECONDS = 30.0  # a server that is being stopped is gone by then
POLL_SECONDS = 0.1


class HistoryInUseError(RuntimeError):
    """Somebody else serves the history; the message says who, and what to do."""


def claim_beside_others(folder: Path) -> int:
    """Serve the history in `folder`, as other commands may. Gives a descriptor: the lock is held while it is open.

    Raises:
        HistoryInUseError: a server that stays has it.
    """
    descriptor = _locked(folder, fcntl.LOCK_SH, PATIENCE_SECONDS)
    if descriptor is None:
        raise HistoryInUseError(
            f"The servers of {folder.parent} are starting or stopping at this moment. Give the same command again."
        )
    return descriptor


def claim_alone(folder: Path, *, patience: float = PATIENCE_SECONDS) -> int:
    """Serve the history in `folder`, and nobody else. Gives a descriptor: the lock is held while it is open.

    Raises:
        HistoryInUseError: a command's embedded server has it; names the command.
    """
    descriptor = _locked(folder, fcntl.LOCK_EX, patience)
    if descriptor is None:
        listed = ", ".join(str(pid) for pid in _commands_on(folder))
        which = f" (pid {listed})" if listed else ""
        raise HistoryInUseError(
            f"A command is using {folder.parent} with its own Prefect server{which}. Wait for it, or end it, then give "
            "the same command again."
        )
    return descriptor


def _locked(folder: Path, kind: int, patience: float) -> int | None:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(POLL_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise


def _commands_on(folder: Path) -> list[int]:
    """The processes whose embedded servers have the history; a server itself where its command has been killed."""
    import psutil

    found = set()
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if "flows.servers.embedded_server" in line and line[-1] == str(folder):
                parent = process.ppid()
                found.add(parent if parent > 1 else process.pid)
        except (psutil.Error, OSError):  # another user's, or it has just ended
            continue
    return sorted(found)
