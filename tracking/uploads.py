"""Calls to MLflow in the background, each repeated while the server is away, so that no server holds a training up.

MLflow's own asynchronous logging does not report a picture that it has lost, and its HTTP retries apply to the whole
process and delay its end. So one thread makes MLflow's ordinary calls, in their order.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from tracking.shown_uri import shown
from tracking.store_check import reason
from tracking.transient import is_transient

PATIENCE_SECONDS = 600.0  # at the end of the training
LONGEST_PAUSE_SECONDS = 15.0

_logger = logging.getLogger("flipbook.mlflow")


class Uploads:
    """A queue of calls to the MLflow store at `uri`. It is lost if the process is killed."""

    def __init__(self, uri: str) -> None:
        self._uri = shown(uri)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mlflow-uploads")
        self._last: Future[None] | None = None
        self._given_up = threading.Event()

    def add(self, call: Callable[[], object]) -> None:
        """Make `call` soon. Returns at once."""
        self._last = self._thread.submit(self._make, call)

    def finish(self) -> None:
        """Wait until all calls are made, for ten minutes at most. What is left then is lost."""
        if self._last is not None:
            wait([self._last], timeout=PATIENCE_SECONDS)
            if not self._last.done():
                _logger.warning("MLflow at %s has not answered for ten minutes. The curves end early.", self._uri)
        self.give_up()

    def give_up(self) -> None:
        """Drop the calls that are not made yet. Returns at once."""
        self._given_up.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _make(self, call: Callable[[], object]) -> None:
        pause = 0.0
        while not self._given_up.wait(pause):
            try:
                call()
            except Exception as error:  # no error here may end the training
                if not is_transient(error):
                    _logger.warning("MLflow at %s refuses a part of the curves (%s).", self._uri, reason(error))
                    return
                if not pause:
                    _logger.warning(
                        "MLflow at %s does not answer (%s); the training goes on.", self._uri, reason(error)
                    )
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS) or 0.5
            else:
                if pause:
                    _logger.warning("MLflow at %s answers again.", self._uri)
                return
