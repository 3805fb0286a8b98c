"""A Prefect server as `flipbook up` starts it, for tests that stop it or change its automations."""

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_API_URL, temporary_settings
from shell import eventually, free_ports

from data.home import Home
from flows.servers.addresses import Addresses
from flows.servers.environment import child_environment
from flows.servers.programs import program


class OwnServer:
    """A server on the history of a home, which may be started again."""

    def __init__(self, home: Home) -> None:
        port, other = free_ports(2)
        addresses = Addresses(prefect_port=port, mlflow_port=other)
        self.url = addresses.prefect_api
        self._home = home
        self._program = program("prefect", home, addresses)
        self._log = home.root / "server.log"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within the block it answers, and this process uses it; then it is killed."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self._program.command,
                cwd=self._home.prefect,
                env=child_environment(self._home, self._program.settings),
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._answers, 180)
            with temporary_settings({PREFECT_API_URL: self.url}):
                yield
        finally:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.url}/health", timeout=5).status == 200)
        except OSError:
            return False
