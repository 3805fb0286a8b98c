"""A real MLflow server that can be killed and started again on the same store and port, and a line to it that loses
answers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 120


class MlflowServer:
    """`mlflow server` on a SQLite file and an artifact folder below `folder`; killed at the block's end.

    Args:
        folder: is made if it is missing.
        database: a database of MLflow to begin with; without it, the server takes seconds to create one.
        password: if there is one, the server answers the user `admin` only.
    """

    def __init__(self, folder: Path, *, database: Path | None = None, password: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if database:
            shutil.copy(database, folder / "mlflow.db")
        self._folder = folder
        self._password = password
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it and return once it answers."""
        command = (
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}"),
            *("--artifacts-destination", str(self._folder / "mlartifacts"), "--workers", "1"),
            *(("--app-name", "basic-auth") if self._password else ()),
        )
        environment = {
            **{name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **(self._access() if self._password else {}),
        }
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self._folder / "server.log").read_text()[-3000:]
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self._folder / "server.log").read_text()[-3000:])

    def _access(self) -> dict[str, str]:
        file = self._folder / "access.ini"
        file.write_text(
            f"[mlflow]\ndatabase_uri = sqlite:///{self._folder / 'users.db'}\ndefault_permission = READ\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            "auth_cache_ttl_seconds = 60\n"  # each check of a password takes 0.3 s of a core
        )
        return {
            "MLFLOW_AUTH_CONFIG_PATH": str(file),
            "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
            "MLFLOW_AUTH_ADMIN_PASSWORD": self._password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "f" * 32,
        }

    def freeze(self) -> None:
        """Stop the server in such a way that it accepts connections, but answers none of them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """`kill -9` to the server and all of its workers."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()


class LosingLine:
    """A TCP line to the server that cuts the first answer to every kind of change: the server has done what was asked,
    and the client does not know.

    A kind is a request line other than a GET, with its ids and numbers left out.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.lost: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request, one connection: it is closed after the answer."""
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            head, body = _read_request(client)
            if not head:
                return
            lines = [line for line in head.split("\r\n") if not line.lower().startswith("connection:")]
            server.sendall(("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode() + body)
            answer = b"".join(iter(lambda: server.recv(65536), b""))
            if self._loses(lines[0]):
                return
            client.sendall(answer)

    def _loses(self, request: str) -> bool:
        method, path, _ = request.split(" ")
        words = path.partition("?")[0].split("/")
        kind = " ".join([method, *(word for word in words if word.replace("-", "").isalpha())])
        if "mlflow-artifacts" in words:  # one kind, however many folders a model has
            kind = f"{method} artifacts"
        if method == "GET" or path.partition("?")[0].endswith("search") or kind in self.lost:
            return False
        self.lost.append(kind)
        return True


def _read_request(client: socket.socket) -> tuple[str, bytes]:
    """The head and the body of the one request on a connection."""
    content = b""
    while b"\r\n\r\n" not in content:
        part = client.recv(65536)
        if not part:
            return "", b""
        content += part
    head, _, body = content.partition(b"\r\n\r\n")
    lengths = [line for line in head.decode().split("\r\n") if line.lower().startswith("content-length:")]
    length = int(lengths[0].split(":")[1]) if lengths else 0
    while len(body) < length:
        body += client.recv(65536)
    return head.decode(), body
