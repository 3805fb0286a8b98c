"""`flipbook ui`: MLflow and Prefect on the results in the home, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from flows.commands.options import HomeFolder, use_home
from flows.server_log import reason_in

HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 15.0


class ServerError(RuntimeError):
    """A server that did not start or did not stay; the message holds the end of its log."""


@dataclass(frozen=True)
class Server:
    """One server to be run: how to start it, and where it answers."""

    name: str
    port: int
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    health: str

    @property
    def url(self) -> str:
        """Address for the browser."""
        return f"http://{HOST}:{self.port}"


def ui(
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of MLflow.")] = 5000,
    prefect_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Prefect.")] = 4200,
    home: HomeFolder = None,
) -> None:
    """Open MLflow and Prefect on these results, on this machine only, until Ctrl-C."""
    use_home(home)
    try:
        with interrupted_by_sigterm():
            _serve([mlflow_server(mlflow_port), prefect_server(prefect_port)])
    except KeyboardInterrupt:  # the way to end this command, so no error
        typer.echo("\nStopped.")


def _serve(servers: list[Server]) -> None:
    with running(servers) as processes:
        typer.echo("Starting MLflow and Prefect, this takes some seconds ...")
        for server, process in zip(servers, processes, strict=True):
            wait_until_healthy(server, process)
            typer.echo(f"  {server.name:<8} {server.url}")
        typer.echo("Ctrl-C stops both.")
        while True:
            for server, process in zip(servers, processes, strict=True):
                if process.poll() is not None:
                    raise ServerError(f"{server.name} has ended.{reason_in(server.log)}")
            time.sleep(0.5)


def mlflow_server(port: int) -> Server:
    """MLflow on the home's store."""
    from tasks.home import Home
    from tasks.mlflow_store import tracking_uri

    home = Home.from_environment()
    uri = tracking_uri(home)
    store = ("--backend-store-uri", uri, "--workers", "1")
    command = (sys.executable, "-m", "mlflow", "server", *store, "--host", HOST, "--port", str(port))
    environment = {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # what it is for needs language models; it only costs processes
    }
    return Server("MLflow", port, command, environment, home.root / "logs" / "mlflow-ui.log", "/health")


def prefect_server(port: int) -> Server:
    """Prefect on the history that the embedded server has written."""
    from flows.embedded import server_environment
    from tasks.home import Home

    home = Home.from_environment()
    command = (sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port))
    environment = {
        **server_environment(home),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),  # without it the pages call the default port
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
    }
    return Server("Prefect", port, command, environment, home.root / "logs" / "prefect-ui.log", "/api/health")


@contextmanager
def running(servers: list[Server]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes of `servers` while the block runs; at its end, however it ends, all of them are stopped."""
    for server in servers:
        _check_free(server)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for server in servers:
            server.log.parent.mkdir(parents=True, exist_ok=True)
            with server.log.open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        server.command,
                        env={**os.environ, **server.environment},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # a group of its own, so that its workers stop with it
                    )
                )
        yield processes
    finally:
        for process in processes:
            _signal(process, signal.SIGTERM)
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            _signal(process, signal.SIGKILL)  # what is left of the group
            process.wait()


def wait_until_healthy(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Return once `server` answers. Raises ServerError where it ends or stays silent instead."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"{server.name} did not start.{reason_in(server.log)}")
        try:
            with urllib.request.urlopen(server.url + server.health, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:  # not listening yet
            pass
        time.sleep(0.3)
    raise ServerError(f"{server.name} did not answer within {START_SECONDS:.0f} s.{reason_in(server.log)}")


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Within the block, SIGTERM ends things as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_free(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, server.port))
        except OSError as error:
            option = f"--{server.name.lower()}-port"
            raise ServerError(
                f"{server.name} cannot use port {server.port} ({error.strerror}). Choose another with {option}."
            ) from error


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)  # its session's leader, so its pid is the group's
