"""A program with all its children. It can be killed at any moment, and is restarted as by a supervisor."""

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
        name: name for messages.
        command: interpreter and arguments.
        environment: all environment variables.
        log: file to which the output is appended.
        supervised: whether the program is started again after it has ended.
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
        """Start the program. It may not be ready yet when this returns."""
        with self._guard:
            self._wanted = True
            self._launch()

    @property
    def pid(self) -> int:
        """Id of the program's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code of the program, or None while it runs."""
        return self._process.poll() if self._process is not None else None

    def wait(self, seconds: float) -> int:
        """Wait for the end, and return the exit code. Raises NotHeldError if that takes longer than `seconds`."""
        wait_for(f"the end of {self.name}", lambda: self.exit_code is not None, seconds=seconds)
        assert self.exit_code is not None
        return self.exit_code

    def descendants(self) -> list[psutil.Process]:
        """All processes that the program has started, and the processes that these have started."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self, *, with_children: bool = True) -> None:
        """`kill -9` the program and all its descendants at once. A supervised program is back some seconds later."""
        victims = [psutil.Process(self.pid), *(self.descendants() if with_children else ())]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        assert self._process is not None
        self._process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30.0) -> None:
        """End the program and its descendants. What has not ended after `seconds` is killed."""
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
        """The last 3,000 characters of the log."""
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
    """Wait until `condition()` is true, and return the seconds. Raises NotHeldError if it takes more than `seconds`."""
    began = time.monotonic()
    while not condition():
        require(time.monotonic() - began < seconds, f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(every)
    return time.monotonic() - began
