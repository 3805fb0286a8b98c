"""What the terminal shows: progress of the steps, and errors of one line."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

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

from tasks.progress.progress import ProgressSink, reporting_to

SECONDS_BETWEEN_LINES = 10.0


class BarSink:
    """A bar per step on a terminal that can redraw."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def start(self, step: str, total: int) -> None:
        with self._lock:
            if step in self._bars:  # a retry begins again
                self._progress.reset(self._bars[step], total=total)
            else:
                self._bars[step] = self._progress.add_task(step, total=total, detail="")

    def update(self, step: str, completed: int, detail: str = "") -> None:
        with self._lock:
            if step in self._bars:
                bar = self._bars[step]
                self._progress.update(bar, completed=completed)
                if detail:
                    self._progress.update(bar, detail=detail)

    def finish(self, step: str, detail: str = "") -> None:
        with self._lock:
            if step not in self._bars:  # nothing had to be done
                self._bars[step] = self._progress.add_task(step, total=1, detail=detail)
            bar = self._bars[step]
            total = next(task.total for task in self._progress.tasks if task.id == bar)
            self._progress.update(bar, completed=total or 0, detail=detail)


class LineSink:
    """Now and then a line per step, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, tuple[float, int]] = {}  # step -> (when its last line was printed, its total)
        self._began: dict[str, float] = {}
        self._lock = threading.Lock()

    def start(self, step: str, total: int) -> None:
        with self._lock:
            self._steps[step] = (time.monotonic(), total)
            self._began[step] = time.monotonic()
            self._print(f"{step}: 0/{total}")

    def update(self, step: str, completed: int, detail: str = "") -> None:
        with self._lock:
            printed, total = self._steps.get(step, (0.0, 0))
            if time.monotonic() - printed >= SECONDS_BETWEEN_LINES:
                self._steps[step] = (time.monotonic(), total)
                self._print(f"{step}: {completed}/{total}  {detail}")

    def finish(self, step: str, detail: str = "") -> None:
        with self._lock:
            began = self._began.pop(step, None)
            took = "" if began is None else f" in {time.monotonic() - began:.0f} s"
            self._print(f"{step}: done{took}  {detail}")

    def _print(self, text: str) -> None:
        self._console.print(text.rstrip(), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_shown() -> Iterator[Console]:
    """Show what the steps report while the block runs; gives the console to print on meanwhile."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with reporting_to(LineSink(console)):
            yield console
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
    sink: ProgressSink = BarSink(progress)
    with progress, reporting_to(sink):
        yield console


@contextmanager
def flows_shown() -> Iterator[Callable[[], None]]:
    """Everything that a flow needs around it: progress on the terminal, and a Prefect API.

    Import the flow inside the block, then call what the block is given: it returns once the API answers.
    """
    from data.home import Home
    from flows.servers.embedded import prefect_server
    from tasks.audience import on_private_server

    # What Prefect says of a failure, the command line says in a line; its server keeps the rest.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with (
        progress_shown(),
        prefect_server(Home.from_environment()) as api,
        on_private_server() if api.log else nullcontext(),
    ):
        yield api.wait_until_ready


def print_error(message: str) -> None:
    """Print `message` to standard error as the one thing that the user has to read."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("Error:", style="bold red", end=" ")
    console.print(message, markup=False)
    sys.stderr.flush()
