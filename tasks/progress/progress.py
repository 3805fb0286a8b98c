"""How a running task tells whoever is watching how far it is, without knowing who that is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

_logger = logging.getLogger("flipbook.progress")


class ProgressSink(Protocol):
    """Receives the progress of steps, from any thread. Steps: generate, train, register, evaluate, publish, promote."""

    def start(self, step: str, total: int) -> None:
        """`step` begins and has `total` units of work."""

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """`completed` units of `step` are done; `detail` is a short text for people."""

    def finish(self, step: str, detail: str = "") -> None:
        """`step` has ended; `detail` says with what."""


class LoggedProgress:
    """The sink where nobody watches: beginnings and ends as log lines."""

    def start(self, step: str, total: int) -> None:
        """Logs the beginning."""
        _logger.info("%s: 0 of %d", step, total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Logs at debug level: there may be thousands."""
        _logger.debug("%s: %d %s", step, completed, detail)

    def finish(self, step: str, detail: str = "") -> None:
        """Logs the end."""
        _logger.info("%s: done %s", step, detail)


class Labelled:
    """Passes the progress of steps on to `sink`, as steps of another name: "evaluate-a" with the label "a"."""

    def __init__(self, sink: ProgressSink, label: str) -> None:
        self._sink, self._label = sink, label

    def start(self, step: str, total: int) -> None:
        """Passes it on."""
        self._sink.start(f"{step}-{self._label}", total)

    def update(self, step: str, completed: int, detail: str = "") -> None:
        """Passes it on."""
        self._sink.update(f"{step}-{self._label}", completed, detail)

    def finish(self, step: str, detail: str = "") -> None:
        """Passes it on."""
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
    """Whether somebody receives the progress already."""
    return _sink.get() is not None


def current_progress() -> ProgressSink:
    """The sink of the surrounding `reporting_to`, else one that logs."""
    return _sink.get() or LoggedProgress()
