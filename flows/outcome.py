"""What a step of a flow gave, and whether it had been made before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed

from tasks.progress.progress import current_progress
from tasks.retrying import CACHED

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The value of a step. `cached` says whether it had been made before."""

    value: T
    cached: bool


def run_step(task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
    """Run `task` in this thread. Raises what the task raises."""
    call: Callable[..., State[T]] = task
    state = call(*args, return_state=True, **kwargs)
    value: Any = state.result()
    return Outcome(value, cached=was_cached(state))


def was_cached(state: State[Any]) -> bool:
    """Whether a task run found its result made before."""
    return state.name == CACHED


def gather(step: str, futures: Sequence[PrefectFuture[T]]) -> Outcome[list[T]]:
    """Wait for submitted tasks, and report how many of them have ended as the progress of `step`.

    The values are in the order of `futures`. They count as cached if all of them had been made before. Raises what the
    first task that failed raised.
    """
    progress, made = current_progress(), 0
    progress.start(step, len(futures))
    for done, future in enumerate(as_completed(list(futures)), start=1):
        future.wait()  # it is done; after this it knows its final state without asking the server
        made += not was_cached(future.state)
        progress.update(step, done, f"{made} of them made, {done - made} kept")
    return Outcome([future.result() for future in futures], cached=made == 0)
