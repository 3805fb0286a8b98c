"""A program with all its children. It can be killed at any moment, and comes back as under a supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.findings import require

ROOT = Path(__file__).parents[2]
RESTART_SECONDS = 2.0  # supervisord and systemd wait about as long


class Program:
    """One server or worker.

    Args:
        name: for messages.
        command: the interpreter and its arguments.
        environment: all environment variables.
        log: the file to which its output is added.
        supervised: whether it is started again when it has ended.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, environment: dict[str, str], log: Path, supervised: bool = False
    ) -> None:
        self.name = name
        self._command, self._environment, self._log = tuple(command), environment, log
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._guard = threading.Lock()
        if supervised:
            threading.Thread(target=self._supervise, daemon=True).start()

    def start(self) -> None:
        """Start it. It may not be ready yet when this returns."""
        with self._guard:
            self._wanted = True
            self._launch()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process is not None else None

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended. Raises NotHeldError where that takes longer than `seconds`."""
        wait_for(f"the end of {self.name}", lambda: self.exit_code is not None, seconds=seconds)
        assert self.exit_code is not None
        return self.exit_code

    def descendants(self) -> list[psutil.Process]:
        """What it has started, and what that has started."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self, *, with_children: bool = True) -> None:
        """`kill -9` to it, and to all that it has started, at once. A supervised one is back some seconds later."""
        victims = [psutil.Process(self.pid), *(self.descendants() if with_children else ())]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        assert self._process is not None
        self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30.0) -> None:
        """End it and all that it has started; what has not ended after `seconds` is killed."""
        with self._guard:
            self._wanted = False
            process = self._process
        if process is None:
            return
        descendants = self.descendants()
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        for left in [*descendants, *self.descendants()]:
            with suppress(psutil.NoSuchProcess):
                left.kill()
        process.kill()
        process.wait()

    def end_of_log(self) -> str:
        """Its last words."""
        return self._log.read_text(errors="replace")[-3000:]

    def _launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _supervise(self) -> None:
        while True:
            time.sleep(RESTART_SECONDS)
            with self._guard:
                if self._wanted and self._process is not None and self._process.poll() is not None:
                    self._launch()


def wait_for(what: str, condition: Callable[[], object], *, seconds: float, every: float = 0.3) -> float:
    """Returns the seconds until `condition()` became true. Raises NotHeldError where `seconds` do not suffice."""
    began = time.monotonic()
    while not condition():
        require(time.monotonic() - began < seconds, f"{what} did not come within {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - began
