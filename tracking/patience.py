"""Waiting for an MLflow server that does not answer for a while: it is restarted, moved, or its database is busy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tracking.shown_uri import shown, shown_text
from tracking.transient import is_transient

T = TypeVar("T")

PATIENCE_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 15.0

_logger = logging.getLogger("flipbook.mlflow")


class MlflowUnreachableError(RuntimeError):
    """The MLflow server did not answer for longer than anybody waits; the message says where, why and what to do."""


def patiently(action: Callable[[], T], *, where: str, loss: str) -> T:
    """What `action` returns, tried again for up to `PATIENCE_SECONDS` while MLflow is out of reach.

    Args:
        action: to be called again from its beginning, so it has to look what is there before it makes anything.
        where: address of the store, for the messages, which leave out the password that it may hold.
        loss: a sentence for the error: what was not done, and what is kept all the same.

    Raises:
        MlflowUnreachableError: the time is over.
        Exception: what `action` raised, where another try would not help.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause, told = 1.0, False
    while True:
        try:
            return action()
        except Exception as error:
            if not is_transient(error):
                raise
            left = deadline - time.monotonic()
            if left <= 0:
                raise MlflowUnreachableError(
                    f"MLflow at {shown(where)} has not answered for {PATIENCE_SECONDS:.0f} s ({reason(error)}). {loss} "
                    "Start the server and give the same command again."
                ) from error
            if not told:
                _logger.warning(
                    "MLflow at %s does not answer (%s); waiting up to %.0f s.", shown(where), reason(error), left
                )
                told = True
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def reason(error: BaseException) -> str:
    """Why MLflow did not answer, in a few words: of a chain of wrapped errors the one that says most."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return shown_text(words.splitlines()[0])
