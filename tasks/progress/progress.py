"""How a running task reports its progress, without knowing who watches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

ReportProgress = Callable[[int, int, str], None]
"""(done, total, what is being done)."""

_logger = logging.getLogger("flipbook.progress")


class ProgressSink(Protocol):
    """Receives the progress of steps, from any thread. Steps: dataset, train, register, evaluate, promote and so on."""

    def start(self, step: str, total: int) -> None:
        """`step` begins and has `total` units of work."""

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """`completed` units of `step` are done. `detail` is a short text for people."""

    def finish(self, step: str, detail: str = "") -> None:
        """`step` has ended. `detail` says what it made."""


class LoggedProgress:
    """The default sink: beginnings and ends become log lines."""

    def start(self, step: str, total: int) -> None:
        """Log the beginning."""
        _logger.info("%s: 0 of %d", step, total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Log at debug level, because there may be thousands of updates."""
        _logger.debug("%s: %d %s", step, completed, detail)

    def finish(self, step: str, detail: str = "") -> None:
        """Log the end."""
        _logger.info("%s: done %s", step, detail)


class Labelled:
    """Passes progress on to `sink` under another name: the step "evaluate" with the label "a" is "evaluate-a"."""

    def __init__(self, sink: ProgressSink, label: str) -> None:
        self._sink, self._label = sink, label

    def start(self, step: str, total: int) -> None:
        """Pass the beginning on."""
        self._sink.start(f"{step}-{self._label}", total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Pass the update on."""
        self._sink.update(f"{step}-{self._label}", completed, detail)

    def finish(self, step: str, detail: str = "") -> None:
        """Pass the end on."""
        self._sink.finish(f"{step}-{self._label}", detail)


_sink: ContextVar[ProgressSink | None] = ContextVar("flipbook_progress", default=None)


@contextmanager
def reporting_to(sink: ProgressSink) -> Iterator[None]:
    """Within the block, and in the tasks submitted from it, progress goes to `sink`."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


def is_watched() -> bool:
    """Whether a sink receives the progress already."""
    return _sink.get() is not None


def current_progress() -> ProgressSink:
    """The sink of the surrounding `reporting_to`; if there is none, a sink that logs."""
    return _sink.get() or LoggedProgress()


def reporting(step: str) -> ReportProgress:
    """A function that reports the progress of `step` to the current sink. The step starts with the first call."""
    progress, started = current_progress(), False

    def report(done: int, total: int, text: str) -> None:
        nonlocal started
        if not started:
            progress.start(step, total)
            started = True
        progress.update(step, done, text)

    return report
