"""Whether anybody hears the events of a run: nobody does on a Prefect server that lives for this run alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_private: ContextVar[bool] = ContextVar("flipbook_private_server", default=False)


@contextmanager
def on_private_server() -> Iterator[None]:
    """Within the block, and in the tasks submitted from it, Prefect's server is one that ends with this process."""
    token = _private.set(True)
    try:
        yield
    finally:
        _private.reset(token)


def is_private() -> bool:
    """Whether a surrounding `on_private_server` says so."""
    return _private.get()
