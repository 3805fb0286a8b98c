"""Requests to a Prefect server that restarts: they wait for it instead of failing the run that makes them.

Prefect's own client tries again for a minute, but only if it has reached the server before. Nearly every call of a
Prefect function makes a new client, and a new client fails at once.
"""

from __future__ import annotations

import logging

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_fixed

from flows.servers.reachable import is_away

PATIENCE_SECONDS = 600.0
PAUSE_SECONDS = 2.0

_logger = logging.getLogger("flipbook.prefect")


def _tell(state: RetryCallState) -> None:
    if state.attempt_number == 1 and state.outcome:
        _logger.warning("The Prefect server does not answer (%s); waiting for it.", state.outcome.exception())


patiently = Retrying(
    retry=retry_if_exception(is_away),
    stop=stop_after_delay(PATIENCE_SECONDS),
    wait=wait_fixed(PAUSE_SECONDS),
    before_sleep=_tell,
    reraise=True,
)
"""`patiently(request)` returns what `request()` returns, and calls it again every two seconds while the server is away.

After ten minutes it raises the request's own error. `request` must be safe to repeat, because an answer can get lost.
"""
