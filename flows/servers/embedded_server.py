"""The process of the embedded Prefect server: `python -m flows.servers.embedded_server LISTENING_DESCRIPTOR HISTORY`.

It serves the history in the folder HISTORY, on a socket that its parent opened, and ends when the parent does (its
standard input closes then).
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

GRACE_SECONDS = 3


class _Server(uvicorn.Server):
    """Starts under a lock: the first start on a history makes the database, which two must not do at once."""

    def __init__(self, config: uvicorn.Config, lock: Path) -> None:
        super().__init__(config)
        self._lock = lock

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            await super().startup(sockets)


def main() -> None:
    """Serves until SIGTERM, or until the parent is gone."""
    descriptor, lock = int(sys.argv[1]), Path(sys.argv[2]) / "starting.lock"
    threading.Thread(target=_end_with_parent, daemon=True).start()

    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=GRACE_SECONDS)
    with socket.socket(fileno=descriptor) as listener:
        _Server(config, lock).run(sockets=[listener])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
