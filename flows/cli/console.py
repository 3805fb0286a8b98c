"""What the terminal shows while a command works: the progress of each step, warnings, and errors."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tasks.progress.progress import reporting_to

SECONDS_BETWEEN_LINES = 10.0


class BarSink:
    """Shows one bar per step, on a terminal that can redraw."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def start(self, step: str, total: int) -> None:
        with self._lock:
            if step in self._bars:  # a retry
                self._progress.reset(self._bars[step], total=total)
            else:
                self._bars[step] = self._progress.add_task(step, total=total, detail="")

    def update(self, step: str, completed: int, detail: str = "") -> None:
        with self._lock:
            if step in self._bars:
                fields: dict[str, Any] = {"detail": detail} if detail else {}
                self._progress.update(self._bars[step], completed=completed, **fields)

    def finish(self, step: str, detail: str = "") -> None:
        with self._lock:
            if step not in self._bars:  # the step found everything in the cache
                self._bars[step] = self._progress.add_task(step, total=1)
            bar = self._bars[step]
            total = next(task.total for task in self._progress.tasks if task.id == bar)
            self._progress.update(bar, completed=total or 0, detail=detail)


class LineSink:
    """Prints what a step says before its work begins, then one line every ten seconds. For logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, tuple[float, int]] = {}  # step -> (when its last line was printed, its total)
        self._began: dict[str, float] = {}
        self._lock = threading.Lock()

    def start(self, step: str, total: int) -> None:
        with self._lock:
            self._steps[step] = (time.monotonic(), total)
            self._began[step] = time.monotonic()
            _print(self._console, f"{step}: 0/{total}")

    def update(self, step: str, completed: int, detail: str = "") -> None:
        with self._lock:
            printed, total = self._steps.get(step, (0.0, 0))
            if not completed or time.monotonic() - printed >= SECONDS_BETWEEN_LINES:
                self._steps[step] = (time.monotonic(), total)
                _print(self._console, f"{step}: {completed}/{total}  {detail}")

    def finish(self, step: str, detail: str = "") -> None:
        with self._lock:
            began = self._began.pop(step, None)
            took = "" if began is None else f" in {time.monotonic() - began:.0f} s"
            _print(self._console, f"{step}: done{took}  {detail}")


class _WarningsHandler(logging.Handler):
    """Shows the warnings of our own code. Prefect's handler of the terminal is switched off."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        _print(self._console, f"{record.levelname.capitalize()}: {record.getMessage()}")


@contextmanager
def progress_shown() -> Iterator[Callable[[str], None]]:
    """Show progress and warnings while the block runs. Gives a function that prints a line above the progress."""
    console = Console(stderr=True)
    say = partial(_print, console)
    handler, logger = _WarningsHandler(console), logging.getLogger("flipbook")
    logger.addHandler(handler)
    try:
        if not console.is_terminal:
            with reporting_to(LineSink(console)):
                yield say
            return
        progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", style="dim"),
            console=console,
            refresh_per_second=4,
        )
        with progress, reporting_to(BarSink(progress)):
            yield say
    finally:
        logger.removeHandler(handler)


def print_error(message: str) -> None:
    """Print `message` to standard error, marked as the error that ends the command."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("Error:", style="bold red", end=" ")
    console.print(message, markup=False)
    sys.stderr.flush()


def _print(console: Console, text: str) -> None:
    console.print(text.rstrip(), markup=False, highlight=False, soft_wrap=True)
