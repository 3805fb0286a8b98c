"""Requests to a Prefect server that is being started again: they wait for it, and do not fail the run that makes them.

Prefect's own client tries again for a minute, but only where it has reached the server before: each new client, and
there is one for nearly every call of Prefect's functions, fails at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

T = TypeVar("T")

PATIENCE_SECONDS = 600.0
PAUSE_SECONDS = 2.0

_logger = logging.getLogger("flipbook.prefect")


def patiently(request: Callable[[], T]) -> T:
    """What `request` returns, made again every two seconds while the Prefect server is away, for ten minutes at most.

    Args:
        request: may be made twice without harm, for an answer can get lost.

    Raises:
        Exception: what `request` raised, where the server has answered or stayed away for longer.
    """
    deadline, told = time.monotonic() + PATIENCE_SECONDS, False
    while True:
        try:
            return request()
        except Exception as error:
            if not _is_away(error) or time.monotonic() > deadline:
                raise
            if not told:
                _logger.warning("The Prefect server does not answer (%s); waiting for it.", error)
                told = True
            time.sleep(PAUSE_SECONDS)


def _is_away(error: BaseException | None) -> bool:
    """Whether there was no answer, or one that tells of a server that starts or stops.

    Functions of Prefect raise errors of their own from those of their client, which tell more.
    """
    while error is not None:
        if isinstance(error, httpx.HTTPStatusError):  # Prefect's own is one
            return error.response.status_code >= 500
        if isinstance(error, httpx.TransportError):
            return True
        error = error.__cause__ or error.__context__
    return False
